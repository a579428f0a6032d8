/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "records/records-private.h"

const char record_selection[] =
#define X(name, type) "picture." #name ", "
        RECORD_COLUMNS(X) "more";
#undef X

static const char *text_of(sqlite3_stmt *statement, int column)
{
        return (const char *)sqlite3_column_text(statement, column);
}

/* NULL: there is none, or no memory. */
static json_t *value_of(sqlite3_stmt *statement, int i, ColumnType type)
{
        if (sqlite3_column_type(statement, i) == SQLITE_NULL)
                return NULL;
        switch (type) {
        case COLUMN_INTEGER:
                return json_integer(sqlite3_column_int64(statement, i));
        case COLUMN_REAL:
                return json_real(sqlite3_column_double(statement, i));
        case COLUMN_TEXT:
                return json_string(text_of(statement, i));
        case COLUMN_JSON:
                return json_loads(text_of(statement, i), 0, NULL);
        }
        return NULL;
}

json_t *record_of_row(sqlite3_stmt *statement)
{
        json_t *record = json_object(), *more = value_of(statement, (int)record_n_columns, COLUMN_JSON);

        for (size_t i = 0; record && i < record_n_columns; i++) {
                json_t *value = value_of(statement, (int)i, record_columns[i].type);
                if (value && json_object_set_new(record, record_columns[i].name, value) < 0) {
                        json_decref(record);
                        record = NULL;
                }
        }
        if (record && more)
                (void)json_object_update_missing(record, more);
        json_decref(more);
        return record;
}

int records_find(Records *records, const char *id, int64_t *ret_time, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        /* Letters of ids come before this one. */
        int r = records_prepare(
                        records, "SELECT time FROM picture WHERE id >= ?1 AND id < ?1 || '~' LIMIT 2", &statement, error);
        if (r >= 0)
                r = record_bind_text(statement, 1, id);
        if (r >= 0)
                r = records_step(statement, error);
        if (r < 0)
                return r;
        if (r == 0 || id[0] == '\0')
                return error_set(error, -ENOENT, "The records: there is none with this id");
        *ret_time = sqlite3_column_int64(statement, 0);
        r = records_step(statement, error);
        return r > 0 ? error_set(error, -ENOTUNIQ, "The records: several ids begin so") : r;
}

/* One JSON value for each row of a statement about a picture; appended to the array of that key, where there is any. */
static int add_rows(Records *records, int64_t time, const char *sql, const char *key, json_t *record, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        json_t *rows = json_array();

        int r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = sqlite3_bind_int64(statement, 1, time) == SQLITE_OK ? 0 : -ENOMEM;
        while (r >= 0 && (r = records_step(statement, error)) > 0)
                (void)json_array_append_new(rows, json_loads(text_of(statement, 0), JSON_DECODE_ANY, NULL));
        if (r >= 0 && json_array_size(rows) > 0)
                r = json_object_set(record, key, rows) < 0 ? -ENOMEM : 0;
        json_decref(rows);
        return r;
}

/* What other tables know of it. */
static int complete(Records *records, json_t *record, Error *error)
{
        const int64_t time = json_integer_value(json_object_get(record, "time"));
        json_t *models;

        int r = add_rows(records, time, "SELECT json_quote(path) FROM file WHERE picture = ? ORDER BY path", "files", record, error);
        if (r >= 0)
                r = add_rows(
                                records, time,
                                "SELECT CASE WHEN state IS NULL THEN json_object('time', time, 'who', who, 'text', text)"
                                " ELSE json_object('time', time, 'who', who, 'text', text, 'state', state) END"
                                " FROM comment WHERE picture = ? ORDER BY number",
                                "comments", record, error);
        if (r >= 0)
                r = add_rows(
                                records, time,
                                "SELECT files FROM model WHERE digest = (SELECT model_digest FROM picture WHERE time = ?)",
                                "model_files", record, error);
        if (r < 0)
                return r;
        models = json_object_get(record, "model_files");
        if (models)
                (void)json_object_set(record, "model_files", json_array_get(models, 0));
        return 0;
}

/* The first row of a statement, which selects records. */
static int get_first(Records *records, sqlite3_stmt *statement, json_t **ret, Error *error)
{
        int r = records_step(statement, error);
        if (r <= 0)
                return r == 0 ? error_set(error, -ENOENT, "The records: there is no such picture") : r;
        json_t *record = record_of_row(statement);
        r = record ? complete(records, record, error) : -ENOMEM;
        if (r >= 0)
                *ret = json_incref(record);
        json_decref(record);
        return r;
}

/* "SELECT …" and the rest of a statement with one text. */
static int get_by(Records *records, const char *rest, const char *text, json_t **ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) char *sql = NULL;

        int r = asprintf(&sql, "SELECT %s FROM picture %s", record_selection, rest) < 0 ? -ENOMEM : 0;
        if (r >= 0)
                r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = record_bind_text(statement, 1, text);
        return r < 0 ? r : get_first(records, statement, ret, error);
}

int records_get_at(Records *records, int64_t time, json_t **ret, Error *error)
{
        char text[32];

        (void)snprintf(text, sizeof(text), "%lld", (long long)time);
        return get_by(records, "WHERE time = CAST(? AS INTEGER)", text, ret, error);
}

int records_get(Records *records, const char *id, json_t **ret, Error *error)
{
        int64_t time;

        int r = records_find(records, id, &time, error);
        return r < 0 ? r : records_get_at(records, time, ret, error);
}

int records_find_file(Records *records, const char *path, json_t **ret, Error *error)
{
        return get_by(records, "WHERE time = (SELECT picture FROM file WHERE path = ?)", path, ret, error);
}

int records_find_pixels(Records *records, const char *pixels, json_t **ret, Error *error)
{
        return get_by(records, "WHERE pixels = ? ORDER BY json_extract(more, '$.imported') IS NOT NULL, time DESC LIMIT 1", pixels, ret, error);
}

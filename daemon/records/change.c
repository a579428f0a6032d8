/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "records/records-private.h"

static int set_column(Records *records, int64_t time, const Column *column, const json_t *value, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        char sql[128];

        if (streq(column->name, "time") || streq(column->name, "id"))
                return error_set(error, -EINVAL, "%s: cannot be changed", column->name);
        if (streq(column->name, "state") && (!json_is_string(value) || !record_state_is_valid(json_string_value(value))))
                return error_set(error, -EINVAL, "state: must be draft, approved, rejected or retired");
        (void)snprintf(sql, sizeof(sql), "UPDATE picture SET %s = ?1 WHERE time = ?2", column->name);
        int r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = record_bind(statement, 1, column, value, error);
        if (r >= 0)
                r = sqlite3_bind_int64(statement, 2, time) == SQLITE_OK ? 0 : -ENOMEM;
        return r < 0 ? r : records_step(statement, error);
}

/* Those that have no column: json_patch() is that of RFC 7396, where null takes a key out. */
static int set_more(Records *records, int64_t time, const json_t *more, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) char *text = json_dumps(more, JSON_COMPACT);

        if (!text)
                return -ENOMEM;
        int r = records_prepare(
                        records, "UPDATE picture SET more = json_patch(coalesce(more, '{}'), ?1) WHERE time = ?2", &statement, error);
        if (r >= 0)
                r = record_bind_text(statement, 1, text);
        if (r >= 0)
                r = sqlite3_bind_int64(statement, 2, time) == SQLITE_OK ? 0 : -ENOMEM;
        return r < 0 ? r : records_step(statement, error);
}

static int set_all(Records *records, int64_t time, const json_t *changes, Error *error)
{
        json_t *more = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < record_n_columns; i++) {
                const json_t *value = json_object_get(changes, record_columns[i].name);
                if (value)
                        r = set_column(records, time, &record_columns[i], value, error);
        }
        if (r >= 0)
                r = record_take_more(changes, &more);
        if (r >= 0 && json_object_size(more) > 0)
                r = set_more(records, time, more, error);
        json_decref(more);
        return r < 0 ? r : record_insert_model(records, changes, WORD_OWN, error);
}

int records_change(Records *records, const char *id, const json_t *changes, Error *error)
{
        _cleanup_(records_rollbackp) Records *transaction = NULL;
        int64_t time;

        int r = records_begin(records, &transaction, error);
        if (r >= 0)
                r = records_find(records, id, &time, error);
        if (r >= 0)
                r = set_all(records, time, changes, error);
        return r < 0 ? r : records_commit(records, error);
}

int records_add_file(Records *records, const char *id, const char *path, Error *error)
{
        _cleanup_(records_rollbackp) Records *transaction = NULL;
        json_t *files = json_pack("[s]", path);
        int64_t time;

        int r = files && path[0] == '/' ? records_begin(records, &transaction, error) : -EINVAL;
        if (r >= 0)
                r = records_find(records, id, &time, error);
        if (r >= 0)
                r = record_insert_files(records, files, time, WORD_OWN, error);
        json_decref(files);
        return r < 0 ? r : records_commit(records, error);
}

int records_comment(Records *records, const char *id, const char *who, const char *text, const char *state, Error *error)
{
        _cleanup_(records_rollbackp) Records *transaction = NULL;
        json_t *comment = json_pack("{s:I, s:s, s:s, s:s*}", "time", (json_int_t)clock_usec(CLOCK_REALTIME), "who", who,
                                    "text", text, "state", state);
        json_t *changes = json_pack("{s:s*}", "state", state);
        int64_t time;

        int r = comment && changes ? records_begin(records, &transaction, error) : -ENOMEM;
        if (r >= 0)
                r = records_find(records, id, &time, error);
        if (r >= 0)
                r = record_insert_comment(records, comment, time, error);
        if (r >= 0)
                r = set_all(records, time, changes, error);
        json_decref(comment);
        json_decref(changes);
        return r < 0 ? r : records_commit(records, error);
}

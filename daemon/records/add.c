/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "records/records-private.h"

/* Pictures that may claim the same microsecond. */
#define TRIES 1000

const Column record_columns[] = {
#define X(name, type) { #name, COLUMN_##type },
        RECORD_COLUMNS(X)
#undef X
};
const size_t record_n_columns = ELEMENTSOF(record_columns);

/* The keys that have tables of their own. */
static const char *const tables[] = { "model_files", "files", "comments" };

bool record_state_is_valid(const char *state)
{
        static const char *const states[] = { "draft", "approved", "rejected", "retired" };

        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (streq(state, states[i]))
                        return true;
        return false;
}

/* Without letters that look like others. */
static const char alphabet[] = "23456789abcdefghjkmnpqrstuvwxyz";

bool record_id_is_valid(const char *id)
{
        return strlen(id) == RECORD_ID_SIZE - 1 && id[strspn(id, alphabet)] == '\0';
}

int records_new_id(char ret[static RECORD_ID_SIZE])
{
        uint8_t random[RECORD_ID_SIZE - 1];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        for (size_t i = 0; i < sizeof(random); i++)
                ret[i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
        ret[sizeof(random)] = '\0';
        return 0;
}

int record_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
        const int code = text ? sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT) : sqlite3_bind_null(statement, index);
        return code == SQLITE_OK ? 0 : -ENOMEM;
}

static int bind_json(sqlite3_stmt *statement, int index, const json_t *value)
{
        _cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
        return text ? record_bind_text(statement, index, text) : -ENOMEM;
}

int record_bind(sqlite3_stmt *statement, int index, const Column *column, const json_t *value, Error *error)
{
        if (!value || json_is_null(value))
                return record_bind_text(statement, index, NULL);
        if (column->type == COLUMN_INTEGER && json_is_integer(value))
                return sqlite3_bind_int64(statement, index, json_integer_value(value)) == SQLITE_OK ? 0 : -ENOMEM;
        if (column->type == COLUMN_REAL && json_is_number(value))
                return sqlite3_bind_double(statement, index, json_number_value(value)) == SQLITE_OK ? 0 : -ENOMEM;
        if (column->type == COLUMN_TEXT && json_is_string(value))
                return record_bind_text(statement, index, json_string_value(value));
        if (column->type == COLUMN_JSON && (json_is_object(value) || json_is_array(value)))
                return bind_json(statement, index, value);
        return error_set(error, -EINVAL, "%s: a value of the wrong type", column->name);
}

int record_take_more(const json_t *record, json_t **ret)
{
        json_t *more = json_copy((json_t *)record);
        if (!more)
                return -ENOMEM;

        for (size_t i = 0; i < record_n_columns; i++)
                (void)json_object_del(more, record_columns[i].name);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                (void)json_object_del(more, tables[i]);
        *ret = more;
        return 0;
}

static int check(const json_t *record, Error *error)
{
        const char *id = json_string_value(json_object_get(record, "id"));
        const json_t *state = json_object_get(record, "state");

        if (!id || !record_id_is_valid(id))
                return error_set(error, -EINVAL, "id: not one of a record");
        if (json_integer_value(json_object_get(record, "time")) <= 0 ||
            json_integer_value(json_object_get(record, "time")) > INT64_MAX - TRIES)
                return error_set(error, -EINVAL, "time: not one");
        if (json_is_string(state) && !record_state_is_valid(json_string_value(state)))
                return error_set(error, -EINVAL, "state: must be draft, approved, rejected or retired");
        return 0;
}

/* "INSERT INTO picture VALUES (?, …, ?)": the columns, and more. */
static char *insertion(void)
{
        char *sql = NULL;
        size_t size;
        FILE *f = open_memstream(&sql, &size);
        if (!f)
                return NULL;

        (void)fputs("INSERT INTO picture VALUES (", f);
        for (size_t i = 0; i < record_n_columns; i++)
                (void)fputs("?, ", f);
        (void)fputs("?)", f);
        return fclose(f) == 0 ? sql : NULL;
}

static int bind_record(sqlite3_stmt *statement, const json_t *record, Error *error)
{
        json_t *more = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < record_n_columns; i++)
                r = record_bind(statement, (int)i + 1, &record_columns[i], json_object_get(record, record_columns[i].name), error);
        if (r >= 0 && !json_is_string(json_object_get(record, "state")))
                r = record_bind_text(statement, COLUMN_OF_state + 1, "draft");
        if (r >= 0)
                r = record_take_more(record, &more);
        if (r >= 0 && json_object_size(more) > 0)
                r = bind_json(statement, (int)record_n_columns + 1, more);
        json_decref(more);
        return r;
}

/* At its time, or the next one that no other has; *ret_time says which. */
static int insert(Records *records, const json_t *record, int64_t *ret_time, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) char *sql = insertion();
        const int64_t time = json_integer_value(json_object_get(record, "time"));
        if (!sql)
                return -ENOMEM;

        int r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = bind_record(statement, record, error);
        if (r < 0)
                return r;
        for (int i = 0; i < TRIES; i++) {
                *ret_time = time + i;
                (void)sqlite3_bind_int64(statement, COLUMN_OF_time + 1, *ret_time);
                const int code = sqlite3_step(statement);
                if (code == SQLITE_DONE)
                        return 0;
                const int why = sqlite3_extended_errcode(records->db);
                if (why != SQLITE_CONSTRAINT_PRIMARYKEY && why != SQLITE_CONSTRAINT_ROWID)
                        return records_fail(code, error);
                (void)sqlite3_reset(statement);
        }
        return error_set(error, -EEXIST, "time: taken");
}

int record_insert_files(Records *records, const json_t *files, int64_t time, Word word, Error *error)
{
        const char *sql = word == WORD_OWN ? "INSERT OR REPLACE INTO file VALUES (?, ?)" : "INSERT OR IGNORE INTO file VALUES (?, ?)";
        size_t i;
        const json_t *path;
        int r = 0;

        json_array_foreach(files, i, path)
        {
                _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
                if (!json_is_string(path))
                        return error_set(error, -EINVAL, "files: must be texts");
                r = records_prepare(records, sql, &statement, error);
                if (r >= 0)
                        r = record_bind_text(statement, 1, json_string_value(path));
                if (r >= 0)
                        r = sqlite3_bind_int64(statement, 2, time) == SQLITE_OK ? records_step(statement, error) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

int record_insert_comment(Records *records, const json_t *comment, int64_t time, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        const json_t *when = json_object_get(comment, "time"), *who = json_object_get(comment, "who"),
                     *text = json_object_get(comment, "text"), *state = json_object_get(comment, "state");

        if (!json_is_integer(when) || !json_is_string(who) || !json_is_string(text) ||
            (json_is_string(state) && !record_state_is_valid(json_string_value(state))))
                return error_set(error, -EINVAL, "comments: must have time, who and text");
        int r = records_prepare(
                        records, "INSERT INTO comment (picture, time, who, text, state) VALUES (?, ?, ?, ?, ?)", &statement, error);
        if (r < 0)
                return r;
        if (sqlite3_bind_int64(statement, 1, time) != SQLITE_OK ||
            sqlite3_bind_int64(statement, 2, json_integer_value(when)) != SQLITE_OK)
                return -ENOMEM;
        r = record_bind_text(statement, 3, json_string_value(who));
        if (r >= 0)
                r = record_bind_text(statement, 4, json_string_value(text));
        if (r >= 0)
                r = record_bind_text(statement, 5, json_string_value(state));
        return r < 0 ? r : records_step(statement, error);
}

int record_insert_model(Records *records, const json_t *record, Word word, Error *error)
{
        const char *sql = word == WORD_OWN ? "INSERT INTO model VALUES (?, ?)"
                                             " ON CONFLICT DO UPDATE SET files = excluded.files WHERE files <> excluded.files"
                                           : "INSERT OR IGNORE INTO model VALUES (?, ?)";
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        const json_t *files = json_object_get(record, "model_files");
        const char *digest = json_string_value(json_object_get(record, "model_digest"));

        if (!json_is_object(files) || !digest)
                return 0;
        int r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = record_bind_text(statement, 1, digest);
        if (r >= 0)
                r = bind_json(statement, 2, files);
        return r < 0 ? r : records_step(statement, error);
}

int record_insert(Records *records, const json_t *record, Word word, Error *error)
{
        _cleanup_(records_rollbackp) Records *transaction = NULL;
        const json_t *comment;
        int64_t time = 0;
        size_t i;

        int r = check(record, error);
        if (r >= 0)
                r = records_begin(records, &transaction, error);
        if (r >= 0)
                r = insert(records, record, &time, error);
        if (r >= 0)
                r = record_insert_files(records, json_object_get(record, "files"), time, word, error);
        json_array_foreach(json_object_get(record, "comments"), i, comment)
        {
                if (r >= 0)
                        r = record_insert_comment(records, comment, time, error);
        }
        if (r >= 0)
                r = record_insert_model(records, record, word, error);
        return r < 0 ? r : records_commit(records, error);
}

int records_add(Records *records, const json_t *record, Error *error)
{
        return record_insert(records, record, WORD_OWN, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "records/records-private.h"

/* What a query may ask for, in the order of its parameters: ?1 and up. */
enum { WORDS = 1, MODEL, APP, STATE, TAG, PARENT, PROVIDER, SINCE, UNTIL, LIMIT };

/* Words as FTS5 takes them, each in quotes: none of them is an operator. "a b*" becomes "a" "b"* */
static char *match_of(const char *words)
{
        char *match = NULL;
        size_t size;
        FILE *f = open_memstream(&match, &size);
        if (!f)
                return NULL;

        for (const char *at = words; *at;) {
                const size_t length = strcspn(at, " \t\r\n");
                const bool is_beginning = length > 1 && at[length - 1] == '*';
                if (length > 0)
                        (void)fputc('"', f);
                for (size_t i = 0; i < length - is_beginning; i++)
                        (void)fputs((char[]) { at[i], at[i] == '"' ? '"' : '\0', '\0' }, f);
                if (length > 0)
                        (void)fputs(is_beginning ? "\"* " : "\" ", f);
                at += length + (at[length] != '\0');
        }
        if (fclose(f) != 0)
                return NULL;
        return match;
}

static bool has_words(const RecordsQuery *query)
{
        return query->words && query->words[strspn(query->words, " \t\r\n")];
}

int query_to_sql(const RecordsQuery *query, char **ret)
{
        const struct {
                bool is_given;
                const char *condition;
        } conditions[] = {
                { has_words(query), "words MATCH ?1" },
                { query->model, "model = ?2" },
                { query->app, "app = ?3" },
                { query->state, "state = ?4" },
                { query->tag, "EXISTS (SELECT 1 FROM json_each(picture.tags) WHERE value = ?5)" },
                { query->parent, "parent = ?6" },
                { query->provider && *query->provider, "provider = ?7" },
                { query->provider && !*query->provider, "provider IS NULL" },
                { query->since, "picture.time >= ?8" },
                { query->until, "picture.time < ?9" },
        };
        char *sql = NULL;
        size_t size;
        FILE *f = open_memstream(&sql, &size);
        if (!f)
                return -ENOMEM;

        /* CROSS: the words are looked for first, in the order of time. */
        (void)fputs(has_words(query) ? " FROM words CROSS JOIN picture ON picture.time = words.rowid WHERE 1" : " FROM picture WHERE 1", f);
        for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
                if (conditions[i].is_given)
                        (void)fprintf(f, " AND %s", conditions[i].condition);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = sql;
        return 0;
}

int query_bind(sqlite3_stmt *statement, const RecordsQuery *query)
{
        _cleanup_(freep) char *match = has_words(query) ? match_of(query->words) : NULL;
        const struct {
                int index;
                const char *text;
        } texts[] = {
                { WORDS, match },        { MODEL, query->model },   { APP, query->app },          { STATE, query->state },
                { TAG, query->tag }, { PARENT, query->parent }, { PROVIDER, query->provider },
        };
        const int last = sqlite3_bind_parameter_count(statement);
        int r = has_words(query) && !match ? -ENOMEM : 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].text && texts[i].index <= last)
                        r = record_bind_text(statement, texts[i].index, texts[i].text);
        if (query->since && SINCE <= last)
                (void)sqlite3_bind_int64(statement, SINCE, (int64_t)query->since);
        if (query->until && UNTIL <= last)
                (void)sqlite3_bind_int64(statement, UNTIL, (int64_t)query->until);
        if (LIMIT <= last)
                (void)sqlite3_bind_int64(statement, LIMIT, query->limit ? (int64_t)query->limit : -1);
        return r;
}

static int call(sqlite3_stmt *statement, records_each_t each, void *userdata)
{
        json_t *record = record_of_row(statement);
        int r = record ? each(record, userdata) : -ENOMEM;

        json_decref(record);
        return r;
}

/* What of the records is selected, newest first. */
static int prepare(Records *records, const char *what, const RecordsQuery *query, sqlite3_stmt **ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) char *from = NULL, *sql = NULL;

        int r = query_to_sql(query, &from);
        if (r >= 0)
                r = asprintf(&sql, "SELECT %s%s ORDER BY %s DESC LIMIT ?10", what, from,
                             has_words(query) ? "words.rowid" : "picture.time") < 0
                                ? -ENOMEM
                                : 0;
        if (r >= 0)
                r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = query_bind(statement, query);
        if (r >= 0)
                *ret = TAKE_PTR(statement);
        return r;
}

int records_search(Records *records, const RecordsQuery *query, records_each_t each, void *userdata, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        int r = prepare(records, record_selection, query, &statement, error);
        while (r >= 0 && (r = records_step(statement, error)) > 0) {
                r = call(statement, each, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

int records_list(Records *records, const RecordsQuery *query, int64_t **ret, size_t *ret_n, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) int64_t *times = NULL;
        size_t n = 0, room = 0;

        int r = prepare(records, "picture.time", query, &statement, error);
        while (r >= 0 && (r = records_step(statement, error)) > 0) {
                if (n == room) {
                        room = room ? 2 * room : 64;
                        int64_t *larger = reallocarray(times, room, sizeof(*times));
                        if (!larger)
                                return error_set(error, -ENOMEM, "The records: out of memory");
                        times = larger;
                }
                times[n++] = sqlite3_column_int64(statement, 0);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(times);
        *ret_n = n;
        return 0;
}

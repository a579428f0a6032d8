/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/util.h"
#include "records/records-private.h"

#define USEC_PER_DAY (86400 * USEC_PER_SEC)
/* Of the oldest, when there are too many. */
#define PART 64

/* What is left of words in the index is in its pages until they are merged; what is left in the log and in free pages until
 * they are written anew. */
int records_scrub(Records *records, Error *error)
{
        int64_t busy = 0;

        int r = records_run(records, "INSERT INTO words(words) VALUES ('rebuild'); VACUUM", error);
        if (r >= 0)
                r = records_number(records, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, error);
        return r >= 0 && busy ? error_set(error, -EAGAIN, "The records: somebody is still reading what is to be forgotten") : r;
}

static const char without_prompts[] =
        "UPDATE picture SET prompt = NULL, negative = NULL, asked = NULL, lineage = NULL, alt = NULL,"
        " more = json_remove(more, '$.export_name') WHERE time IN chosen;"
        "DELETE FROM file WHERE picture IN chosen;";
static const char without_records[] =
        "DELETE FROM picture WHERE time IN chosen;"
        "DELETE FROM model WHERE digest NOT IN (SELECT model_digest FROM picture WHERE model_digest IS NOT NULL);";

/* The times of those that the query finds go into a table of this connection, which is in memory. */
static int choose(Records *records, const RecordsQuery *query, int64_t *ret_n, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(freep) char *from = NULL, *sql = NULL;

        int r = query_to_sql(query, &from);
        if (r >= 0)
                r = asprintf(&sql, "INSERT INTO chosen SELECT picture.time%s", from) < 0 ? -ENOMEM : 0;
        if (r >= 0)
                r = records_run(records, "CREATE TEMP TABLE IF NOT EXISTS chosen (time INTEGER PRIMARY KEY); DELETE FROM chosen", error);
        if (r >= 0)
                r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = query_bind(statement, query);
        if (r >= 0)
                r = records_step(statement, error);
        return r < 0 ? r : records_number(records, "SELECT count(*) FROM chosen", ret_n, error);
}

int records_forget(Records *records, const RecordsQuery *query, bool prompts_only, uint64_t *ret_n, Error *error)
{
        int64_t n = 0;
        {
                _cleanup_(records_rollbackp) Records *transaction = NULL;
                int r = records_begin(records, &transaction, error);
                if (r >= 0)
                        r = choose(records, query, &n, error);
                if (r >= 0)
                        r = records_run(records, prompts_only ? without_prompts : without_records, error);
                if (r >= 0)
                        r = records_commit(records, error);
                if (r < 0)
                        return r;
        }
        if (ret_n)
                *ret_n = (uint64_t)n;
        return records_scrub(records, error);
}

int records_remove(Records *records, const char *id, Error *error)
{
        char sql[128];
        int64_t time;

        int r = records_find(records, id, &time, error);
        if (r < 0)
                return r;
        (void)snprintf(sql, sizeof(sql), "DELETE FROM picture WHERE time = %lld", (long long)time);
        return records_run(records, sql, error);
}

static int bytes_used(Records *records, int64_t *ret, Error *error)
{
        return records_number(
                        records,
                        "SELECT (page_count - freelist_count) * page_size"
                        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
                        ret, error);
}

int records_limit_days(Records *records, uint64_t days, uint64_t *ret_n, Error *error)
{
        const uint64_t today = clock_usec(CLOCK_REALTIME) / USEC_PER_DAY;
        char sql[96];

        *ret_n = 0;
        if (days == 0 || days >= today)
                return 0;
        /* Only whole days, so that there is at most once a day something to be scrubbed. */
        (void)snprintf(sql, sizeof(sql), "DELETE FROM picture WHERE time < %" PRIu64, (today - days) * USEC_PER_DAY);
        int r = records_run(records, sql, error);
        if (r >= 0)
                *ret_n = (uint64_t)sqlite3_changes64(records->db);
        return r;
}

int records_limit_bytes(Records *records, uint64_t bytes, Error *error)
{
        int64_t used = 0, all = 1;
        char sql[160];
        int r = 0;

        while (r >= 0 && bytes > 0 && all > 0 && (r = bytes_used(records, &used, error)) >= 0 && (uint64_t)used > bytes) {
                r = records_number(records, "SELECT count(*) FROM picture", &all, error);
                (void)snprintf(sql, sizeof(sql),
                               "DELETE FROM picture WHERE time IN (SELECT time FROM picture ORDER BY time LIMIT %" PRId64 ");"
                               "PRAGMA incremental_vacuum",
                               all / PART + 1);
                if (r >= 0)
                        r = records_run(records, sql, error);
        }
        return r;
}

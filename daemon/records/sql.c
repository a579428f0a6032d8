/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "records/records-private.h"

static const struct {
        int code, error;
} errors[] = {
        { SQLITE_BUSY, -EAGAIN },     { SQLITE_LOCKED, -EAGAIN },   { SQLITE_FULL, -ENOSPC },
        { SQLITE_CORRUPT, -EBADMSG }, { SQLITE_NOTADB, -EBADMSG },  { SQLITE_PERM, -EACCES },
        { SQLITE_READONLY, -EACCES }, { SQLITE_CANTOPEN, -EACCES }, { SQLITE_NOMEM, -ENOMEM },
        { SQLITE_CONSTRAINT, -EEXIST },
};

int records_fail(int code, Error *error)
{
        int r = -EIO;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == (code & 0xff))
                        r = errors[i].error;
        /* Not sqlite3_errmsg(), which may quote what was asked for. */
        return error_set(error, r, "The records: %s", sqlite3_errstr(code));
}

int records_run(Records *records, const char *sql, Error *error)
{
        const int code = sqlite3_exec(records->db, sql, NULL, NULL, NULL);
        return code == SQLITE_OK ? 0 : records_fail(code, error);
}

int records_prepare(Records *records, const char *sql, sqlite3_stmt **ret, Error *error)
{
        const int code = sqlite3_prepare_v2(records->db, sql, -1, ret, NULL);
        return code == SQLITE_OK ? 0 : records_fail(code, error);
}

int records_step(sqlite3_stmt *statement, Error *error)
{
        const int code = sqlite3_step(statement);
        return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : records_fail(code, error);
}

int records_number(Records *records, const char *sql, int64_t *ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        int r = records_prepare(records, sql, &statement, error);
        if (r >= 0)
                r = records_step(statement, error);
        if (r > 0)
                *ret = sqlite3_column_int64(statement, 0);
        return r == 0 ? error_set(error, -ENOENT, "The records: no such number") : r < 0 ? r : 0;
}

int records_begin(Records *records, Records **ret_transaction, Error *error)
{
        int r = records_run(records, "BEGIN IMMEDIATE", error);
        if (r >= 0)
                *ret_transaction = records;
        return r;
}

int records_commit(Records *records, Error *error)
{
        return records_run(records, "COMMIT", error);
}

void records_rollbackp(Records **transaction)
{
        if (*transaction && !sqlite3_get_autocommit((*transaction)->db))
                (void)sqlite3_exec((*transaction)->db, "ROLLBACK", NULL, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/desktop/place.h"
#include "client/i18n.h"
#include "client/spending.h"

#define PATIENCE 5000 /* milliseconds */
#define TABLE_VERSION 1 /* as the service writes it */

/* The columns of the sum, in their order. */
enum { COLUMN_DAY, COLUMN_PROVIDER, COLUMN_APP, COLUMN_CURRENCY, COLUMN_SETTLED, COLUMN_RESERVED, COLUMN_REQUESTS, COLUMN_UNPRICED, COLUMN_PICTURES };

static const char statement_text[] =
                "SELECT CASE WHEN ?1 THEN day ELSE '' END AS of_day, CASE WHEN ?2 THEN provider ELSE '' END AS of_provider,"
                " CASE WHEN ?3 THEN app ELSE '' END AS of_app, currency,"
                " COALESCE(SUM(settled), 0), COALESCE(SUM(CASE WHEN settled IS NULL THEN reserved END), 0),"
                " COUNT(*), SUM(settled IS NULL AND reserved IS NULL), COALESCE(SUM(made), 0)"
                " FROM spending WHERE at >= ?4 AND (?5 = 0 OR at < ?5)"
                " GROUP BY of_day, of_provider, of_app, currency ORDER BY of_day DESC, of_provider, of_app, currency";

static void sqlite3_closep(sqlite3 **db)
{
        (void)sqlite3_close(*db);
}

static void sqlite3_finalizep(sqlite3_stmt **statement)
{
        (void)sqlite3_finalize(*statement);
}

static int fail(sqlite3 *db, Error *error)
{
        return error_set(error, -EIO, _("The ledger of what was spent cannot be read: %s"), sqlite3_errmsg(db));
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return text ? text : "";
}

static Spending row_of(sqlite3_stmt *statement)
{
        return (Spending) {
                .day = text_at(statement, COLUMN_DAY),
                .provider = text_at(statement, COLUMN_PROVIDER),
                .app = text_at(statement, COLUMN_APP),
                .currency = text_at(statement, COLUMN_CURRENCY),
                .settled = sqlite3_column_int64(statement, COLUMN_SETTLED),
                .reserved = sqlite3_column_int64(statement, COLUMN_RESERVED),
                .requests = (uint64_t)sqlite3_column_int64(statement, COLUMN_REQUESTS),
                .unpriced = (uint64_t)sqlite3_column_int64(statement, COLUMN_UNPRICED),
                .pictures = (uint64_t)sqlite3_column_int64(statement, COLUMN_PICTURES),
        };
}

static int check_version(sqlite3 *db, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        if (sqlite3_busy_timeout(db, PATIENCE) != SQLITE_OK ||
            sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
                return fail(db, error);
        if (sqlite3_column_int(statement, 0) > TABLE_VERSION)
                return error_set(error, -EPROTO, "%s", _("The ledger of what was spent is of a newer version of this program"));
        return 0;
}

static int prepare(sqlite3 *db, const SpendingQuery *query, sqlite3_stmt **ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v2(db, statement_text, sizeof(statement_text), &statement, NULL) != SQLITE_OK ||
            sqlite3_bind_int(statement, 1, query->by_day) != SQLITE_OK || sqlite3_bind_int(statement, 2, query->by_provider) != SQLITE_OK ||
            sqlite3_bind_int(statement, 3, query->by_app) != SQLITE_OK ||
            sqlite3_bind_int64(statement, 4, (int64_t)query->since) != SQLITE_OK ||
            sqlite3_bind_int64(statement, 5, (int64_t)query->until) != SQLITE_OK)
                return fail(db, error);
        *ret = TAKE_PTR(statement);
        return 0;
}

int spending_sum(const SpendingQuery *query, spending_each_t each, void *userdata, Error *error)
{
        _cleanup_(freep) char *path = place_of_user(BASE_STATE, "imagined/ledger.sqlite");
        _cleanup_(sqlite3_closep) sqlite3 *db = NULL;
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        if (!path)
                return -ENOMEM;
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return 0;
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
                return fail(db, error);
        int r = check_version(db, error);
        if (r >= 0)
                r = prepare(db, query, &statement, error);
        if (r < 0)
                return r;
        while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
                const Spending sum = row_of(statement);
                int stop = each(&sum, userdata);
                if (stop != 0)
                        return stop;
        }
        return r == SQLITE_DONE ? 0 : fail(db, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "service/remote/ledger.h"
#include "service/remote/state.h"

#define FILE_NAME "ledger.sqlite"
#define VERSION_OF_TABLES "1"
#define BUSY_MS 250 /* others only read, and writers are quick */

static const char set_up[] =
                "PRAGMA journal_mode = WAL;"
                "CREATE TABLE IF NOT EXISTS spending ("
                " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, day TEXT NOT NULL, provider TEXT NOT NULL, service TEXT NOT NULL,"
                " model TEXT NOT NULL, app TEXT NOT NULL, job INTEGER NOT NULL, currency TEXT NOT NULL, asked INTEGER NOT NULL,"
                " made INTEGER, reserved INTEGER, settled INTEGER, outcome TEXT);"
                "CREATE INDEX IF NOT EXISTS spending_day ON spending (day);"
                "PRAGMA user_version = " VERSION_OF_TABLES ";";

struct Ledger {
        sqlite3 *db; /* NULL: nothing was noted yet */
};

static void sqlite3_finalizep(sqlite3_stmt **statement)
{
        (void)sqlite3_finalize(*statement);
}

static int fail(sqlite3 *db, Error *error)
{
        return error_set(error, -EIO, "The ledger of what was spent cannot be kept: %s", sqlite3_errmsg(db));
}

/* SQLite gives its other files the mode of the first. */
static int make_file(const char *path, Error *error)
{
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);

        return fd < 0 ? error_set(error, -errno, "%s: %s", path, strerror(errno)) : 0;
}

static void close_ledger(Ledger *ledger)
{
        (void)sqlite3_close(ledger->db);
        ledger->db = NULL;
}

static int open_ledger(Ledger *ledger, Error *error)
{
        _cleanup_(freep) char *path = state_file(FILE_NAME, true);

        if (!path)
                return error_set(error, -ENOENT, "There is no home directory to note in what is spent");
        int r = make_file(path, error);
        if (r < 0)
                return r;
        if (sqlite3_open_v2(path, &ledger->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK &&
            sqlite3_busy_timeout(ledger->db, BUSY_MS) == SQLITE_OK && sqlite3_exec(ledger->db, set_up, NULL, NULL, NULL) == SQLITE_OK)
                return 0;
        (void)fail(ledger->db, error);
        close_ledger(ledger);
        return -EIO;
}

static bool has_moved(Ledger *ledger)
{
        int moved = 0;

        return sqlite3_file_control(ledger->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* The open database. The disk is waited for only where it is said (FULL): once for each reservation, and when now and then the log
 * is moved into the database. */
static int use_ledger(Ledger *ledger, const char *synchronous, Error *error)
{
        if (ledger->db && has_moved(ledger))
                close_ledger(ledger);
        int r = ledger->db ? 0 : open_ledger(ledger, error);
        if (r < 0)
                return r;
        return sqlite3_exec(ledger->db, synchronous, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(ledger->db, error);
}

int ledger_new(Ledger **ret)
{
        Ledger *ledger = calloc(1, sizeof(Ledger));

        if (!ledger)
                return -ENOMEM;
        *ret = ledger;
        return 0;
}

Ledger *ledger_free(Ledger *ledger)
{
        if (ledger)
                close_ledger(ledger);
        free(ledger);
        return NULL;
}

/* The local day, and the first of its month. */
static void name_days(time_t now, char day[static 16], char first[static 16])
{
        struct tm local = {};

        (void)localtime_r(&now, &local);
        (void)strftime(day, 16, "%Y-%m-%d", &local);
        (void)strftime(first, 16, "%Y-%m-01", &local);
}

static int sum(sqlite3 *db, const char *currency, const char *from, const char *to, int64_t *ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v2(db, "SELECT COALESCE(SUM(COALESCE(settled, reserved)), 0) FROM spending"
                                   " WHERE currency = ?1 AND day BETWEEN ?2 AND ?3", -1, &statement, NULL) != SQLITE_OK ||
            sqlite3_bind_text(statement, 1, currency, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_bind_text(statement, 2, from, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_bind_text(statement, 3, to, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
                return fail(db, error);
        *ret = sqlite3_column_int64(statement, 0);
        return 0;
}

static int sums(sqlite3 *db, const char *currency, time_t now, int64_t *ret_day, int64_t *ret_month, Error *error)
{
        char day[16], first[16];

        name_days(now, day, first);
        int r = sum(db, currency, day, day, ret_day, error);
        return r < 0 ? r : sum(db, currency, first, day, ret_month, error);
}

static int check(const char *what, int64_t spent, int64_t amount, int64_t limit, const char *currency, Error *error)
{
        char spent_text[MONEY_TEXT_MAX], amount_text[MONEY_TEXT_MAX], limit_text[MONEY_TEXT_MAX];

        if (limit < 0 || amount <= 0 || spent + amount <= limit)
                return 0;
        money_format(spent_text, spent, "");
        money_format(amount_text, amount, "");
        money_format(limit_text, limit, currency);
        return error_set(error, LEDGER_OVER_BUDGET, "It may cost %s, %s is spent already, and the budget of the %s is %s; nothing was sent",
                         amount_text, spent_text, what, limit_text);
}

static int check_budget(sqlite3 *db, const Budget *budget, const LedgerEntry *entry, time_t now, Error *error)
{
        int64_t day, month;

        if (entry->amount < 0 || !streq(entry->currency, budget->currency))
                return 0; /* what it is in the budget's money is not known: the gate has the word (unknown_prices) */
        int r = sums(db, entry->currency, now, &day, &month, error);
        if (r >= 0)
                r = check("day", day, entry->amount, budget->day, entry->currency, error);
        return r < 0 ? r : check("month", month, entry->amount, budget->month, entry->currency, error);
}

static int bind_amount(sqlite3_stmt *statement, int column, int64_t amount)
{
        return amount < 0 ? sqlite3_bind_null(statement, column) : sqlite3_bind_int64(statement, column, amount);
}

static int insert(sqlite3 *db, const LedgerEntry *entry, time_t now, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        const char *texts[] = { entry->provider, entry->service, entry->model, entry->app, entry->currency };
        char day[16], first[16];

        name_days(now, day, first);
        if (sqlite3_prepare_v2(db, "INSERT INTO spending (provider, service, model, app, currency, at, day, job, asked, reserved)"
                                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", -1, &statement, NULL) != SQLITE_OK)
                return fail(db, error);
        for (int i = 0; i < 5; i++)
                (void)sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 6, (int64_t)now * 1000000);
        (void)sqlite3_bind_text(statement, 7, day, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 8, entry->job);
        (void)sqlite3_bind_int64(statement, 9, entry->pictures);
        (void)bind_amount(statement, 10, entry->amount);
        return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(db, error);
}

int ledger_reserve(Ledger *ledger, int64_t *ret_id, const Budget *budget, const LedgerEntry *entry, time_t now, Error *error)
{
        int r = use_ledger(ledger, "PRAGMA synchronous = FULL", error);
        if (r < 0)
                return r;
        /* Nobody else reserves between the look and the note. */
        if (sqlite3_exec(ledger->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
                return fail(ledger->db, error);
        r = check_budget(ledger->db, budget, entry, now, error);
        if (r >= 0)
                r = insert(ledger->db, entry, now, error);
        const int64_t id = sqlite3_last_insert_rowid(ledger->db);
        if (r >= 0 && sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
                r = fail(ledger->db, error);
        if (r < 0)
                (void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
        else
                *ret_id = id;
        return r;
}

/* What does not get to the disk was reserved: nothing is lost. */
int ledger_settle(Ledger *ledger, int64_t id, int64_t amount, uint32_t pictures, const char *outcome, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        int r = use_ledger(ledger, "PRAGMA synchronous = NORMAL", error);
        if (r < 0)
                return r;
        if (sqlite3_prepare_v2(ledger->db, "UPDATE spending SET settled = ?1, made = ?2, outcome = ?3 WHERE id = ?4", -1, &statement, NULL) !=
            SQLITE_OK)
                return fail(ledger->db, error);
        (void)bind_amount(statement, 1, amount);
        (void)sqlite3_bind_int64(statement, 2, pictures);
        (void)sqlite3_bind_text(statement, 3, outcome, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 4, id);
        return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(ledger->db, error);
}

int ledger_sums(Ledger *ledger, int64_t *ret_day, int64_t *ret_month, const char *currency, time_t now, Error *error)
{
        int r = use_ledger(ledger, "PRAGMA synchronous = NORMAL", error);
        return r < 0 ? r : sums(ledger->db, currency, now, ret_day, ret_month, error);
}

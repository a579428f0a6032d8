/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"
#include "service/remote/ledger.h"
#include "service/remote/state.h"

#define FILE_NAME "imagined/ledger.sqlite"
#define VERSION_OF_TABLES 1
#define BUSY_MS 250 /* others only read, and writers are quick */

static const char tables[] =
                "PRAGMA journal_mode = WAL;"
                "BEGIN IMMEDIATE;"
                "CREATE TABLE IF NOT EXISTS spending ("
                " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, day TEXT NOT NULL, provider TEXT NOT NULL, service TEXT NOT NULL,"
                " model TEXT NOT NULL, app TEXT NOT NULL, job INTEGER NOT NULL, currency TEXT NOT NULL, asked INTEGER NOT NULL,"
                " made INTEGER, reserved INTEGER, settled INTEGER, outcome TEXT);"
                "CREATE INDEX IF NOT EXISTS spending_day ON spending (day);"
                "PRAGMA user_version = 1;"
                "COMMIT";

typedef char Day[11]; /* YYYY-MM-DD */

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

static int read_version(sqlite3 *db, int *ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
                return fail(db, error);
        *ret = sqlite3_column_int(statement, 0);
        return 0;
}

/* A new one gets its tables; a newer program's is left as it is. */
static int set_up(sqlite3 *db, Error *error)
{
        int version = 0;

        if (sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK)
                return fail(db, error);
        int r = read_version(db, &version, error);
        if (r < 0 || version == VERSION_OF_TABLES)
                return r;
        if (version != 0)
                return error_set(error, -EPROTO, "The ledger of what was spent is of a newer version of this program");
        return sqlite3_exec(db, tables, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, error);
}

static int open_ledger(Ledger *ledger, Error *error)
{
        _cleanup_(freep) char *path = state_file(FILE_NAME, true);

        if (!path)
                return error_set(error, -ENOENT, "There is no home directory to note in what is spent");
        int r = make_file(path, error);
        if (r < 0)
                return r;
        r = sqlite3_open_v2(path, &ledger->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK
                            ? set_up(ledger->db, error)
                            : fail(ledger->db, error);
        if (r < 0)
                close_ledger(ledger);
        return r;
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

/* The local day; or the last one that something was noted on, where the clock was set back since: no day's budget is had twice. */
static int read_day(sqlite3 *db, time_t now, Day ret, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        struct tm local = {};
        Day today;

        (void)localtime_r(&now, &local);
        (void)strftime(today, sizeof(Day), "%Y-%m-%d", &local);
        if (sqlite3_prepare_v2(db, "SELECT MAX(?1, COALESCE(MAX(day), '')) FROM spending", -1, &statement, NULL) != SQLITE_OK ||
            sqlite3_bind_text(statement, 1, today, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
                return fail(db, error);
        const char *day = (const char *)sqlite3_column_text(statement, 0);
        if (!day)
                return fail(db, error); /* memory is short */
        (void)snprintf(ret, sizeof(Day), "%s", day);
        return 0;
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

static int sums(sqlite3 *db, const char *currency, const Day day, int64_t *ret_day, int64_t *ret_month, Error *error)
{
        Day first;

        (void)snprintf(first, sizeof(first), "%.7s-01", day);
        int r = sum(db, currency, day, day, ret_day, error);
        return r < 0 ? r : sum(db, currency, first, day, ret_month, error);
}

static int check(const char *what, const char *when, int64_t spent, int64_t amount, int64_t limit, const char *currency, Error *error)
{
        char spent_text[MONEY_TEXT_MAX], amount_text[MONEY_TEXT_MAX], limit_text[MONEY_TEXT_MAX];

        if (limit < 0 || amount <= 0 || spent + amount <= limit)
                return 0;
        money_format(spent_text, spent, "");
        money_format(amount_text, amount, "");
        money_format(limit_text, limit, currency);
        return error_set(error, LEDGER_OVER_BUDGET, "It may cost %s, %s is spent already, and the budget of the %s (%s) is %s; nothing was sent",
                         amount_text, spent_text, what, when, limit_text);
}

static int check_budget(sqlite3 *db, const Budget *budget, const LedgerEntry *entry, const Day today, Error *error)
{
        int64_t day = 0, month = 0;
        Day this_month;

        if (entry->amount < 0 || !streq(entry->currency, budget->currency))
                return 0; /* what it is in the budget's money is not known: the gate has the word (unknown_prices) */
        (void)snprintf(this_month, sizeof(this_month), "%.7s", today);
        int r = sums(db, entry->currency, today, &day, &month, error);
        if (r >= 0)
                r = check("day", today, day, entry->amount, budget->day, entry->currency, error);
        return r < 0 ? r : check("month", this_month, month, entry->amount, budget->month, entry->currency, error);
}

static int bind_amount(sqlite3_stmt *statement, int column, int64_t amount)
{
        return amount < 0 ? sqlite3_bind_null(statement, column) : sqlite3_bind_int64(statement, column, amount);
}

/* In the order in which they are drawn, and of no other file, if this one is replaced before the row is settled. */
static int draw_id(int64_t *ret, Error *error)
{
        uint16_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return error_set(error, -EIO, "The ledger of what was spent cannot be kept: there are no random numbers");
        *ret = (int64_t)(clock_usec(CLOCK_REALTIME) << 10 | (random & 1023));
        return 0;
}

static int insert(sqlite3 *db, int64_t id, const LedgerEntry *entry, const Day day, time_t now, Error *error)
{
        _cleanup_(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        const char *texts[] = { entry->provider, entry->service, entry->model, entry->app, entry->currency };

        if (sqlite3_prepare_v2(db, "INSERT INTO spending (provider, service, model, app, currency, at, day, job, asked, reserved, id)"
                                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)", -1, &statement, NULL) != SQLITE_OK)
                return fail(db, error);
        for (int i = 0; i < 5; i++)
                (void)sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 6, (int64_t)now * 1000000);
        (void)sqlite3_bind_text(statement, 7, day, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 8, entry->job);
        (void)sqlite3_bind_int64(statement, 9, entry->pictures);
        (void)bind_amount(statement, 10, entry->amount);
        (void)sqlite3_bind_int64(statement, 11, id);
        return sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(db, error);
}

/* Nobody else reserves between the look and the note. */
static int reserve(sqlite3 *db, int64_t id, const Budget *budget, const LedgerEntry *entry, time_t now, Error *error)
{
        Day day;

        if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
                return fail(db, error);
        int r = read_day(db, now, day, error);
        if (r >= 0)
                r = check_budget(db, budget, entry, day, error);
        if (r >= 0)
                r = insert(db, id, entry, day, now, error);
        if (r >= 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
                r = fail(db, error);
        if (r < 0)
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return r;
}

int ledger_reserve(Ledger *ledger, int64_t *ret_id, const Budget *budget, const LedgerEntry *entry, time_t now, Error *error)
{
        int64_t id = 0;

        int r = use_ledger(ledger, "PRAGMA synchronous = FULL", error);
        if (r >= 0)
                r = draw_id(&id, error);
        if (r >= 0)
                r = reserve(ledger->db, id, budget, entry, now, error);
        if (r >= 0)
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
        if (sqlite3_step(statement) != SQLITE_DONE)
                return fail(ledger->db, error);
        return sqlite3_changes(ledger->db) > 0
                        ? 0
                        : error_set(error, -ESTALE, "The ledger of what was spent was replaced: what a request has cost is not in it");
}

int ledger_sums(Ledger *ledger, int64_t *ret_day, int64_t *ret_month, const char *currency, time_t now, Error *error)
{
        Day day;

        int r = use_ledger(ledger, "PRAGMA synchronous = NORMAL", error);
        if (r >= 0)
                r = read_day(ledger->db, now, day, error);
        return r < 0 ? r : sums(ledger->db, currency, day, ret_day, ret_month, error);
}

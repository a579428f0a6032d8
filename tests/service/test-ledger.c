/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger of what was spent: budgets, what kills it, clocks that are set back, files of others. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "ledger.h"

#define NOON_OF_MAY_31 1780228800 /* 2026-05-31T12:00:00Z */
#define A_DAY 86400

static void remove_ledger(void)
{
        (void)unlink(scratch_path("imagined/ledger.sqlite"));
        (void)unlink(scratch_path("imagined/ledger.sqlite-wal"));
        (void)unlink(scratch_path("imagined/ledger.sqlite-shm"));
}

static void forget_spending(void)
{
        ledger = ledger_free(ledger);
        remove_ledger();
        assert_int_equal(ledger_new(&ledger), 0);
}

static int reserve(const Budget *budget, int64_t amount, time_t now, int64_t *ret, Error *error)
{
        LedgerEntry entry = { "openai", "openai", "m", "app", 1, 1, "USD", amount };
        return ledger_reserve(ledger, ret, budget, &entry, now, error);
}

static void test_ledger(void **state)
{
        const Budget budget = { "USD", MONEY_UNKNOWN, 10 * CENT, 25 * CENT, false };
        int64_t id, other, day, month;
        Error error = {};
        struct stat st;
        (void)state;

        forget_spending();
        assert_int_equal(reserve(&budget, 6 * CENT, NOON_OF_MAY_31, &id, NULL), 0);
        assert_int_equal(reserve(&budget, 5 * CENT, NOON_OF_MAY_31, &other, &error), LEDGER_OVER_BUDGET);
        assert_non_null(strstr(error.text, "budget of the day (2026-05-31) is 0.10 USD"));
        /* It has cost less: there is room again. */
        assert_int_equal(ledger_settle(ledger, id, 2 * CENT, 1, "done", NULL), 0);
        assert_int_equal(reserve(&budget, 5 * CENT, NOON_OF_MAY_31, &other, NULL), 0);
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(day, 7 * CENT);
        assert_int_equal(month, 7 * CENT);
        assert_int_equal(ledger_sums(ledger, &day, &month, "EUR", NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(month, 0);
        /* Another day, another month. */
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31 + A_DAY, NULL), 0);
        assert_true(day == 0 && month == 0);
        for (int i = 1; i < 3; i++)
                assert_int_equal(reserve(&budget, 9 * CENT, NOON_OF_MAY_31 + i * A_DAY, &id, NULL), 0);
        assert_int_equal(reserve(&budget, 8 * CENT, NOON_OF_MAY_31 + 3 * A_DAY, &id, &error), LEDGER_OVER_BUDGET);
        assert_non_null(strstr(error.text, "budget of the month (2026-06)"));
        /* What is not of the budget's money is not compared with it. */
        LedgerEntry euros = { "openai", "openai", "m", "app", 1, 1, "EUR", 500 * CENT };
        assert_int_equal(ledger_reserve(ledger, &id, &budget, &euros, NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(ledger_reserve(ledger, &id, &budget, &euros, NOON_OF_MAY_31, NULL), 0);
        /* An unknown amount is noted, and counts for nothing once that is permitted. */
        assert_int_equal(reserve(&budget, MONEY_UNKNOWN, NOON_OF_MAY_31, &id, NULL), 0);
        assert_int_equal(stat(scratch_path("imagined/ledger.sqlite"), &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
        /* Who takes it away begins a new one. */
        remove_ledger();
        assert_int_equal(reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL), 0);
        assert_int_equal(stat(scratch_path("imagined/ledger.sqlite"), &st), 0);
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(month, CENT);
}

/* Not even to and fro: what is spent while the clock is behind counts where it was before. */
static void test_a_clock_set_back_gives_no_budget(void **state)
{
        const Budget budget = { "USD", MONEY_UNKNOWN, 10 * CENT, MONEY_UNKNOWN, false };
        int64_t id, day, month;
        Error error = {};
        (void)state;

        forget_spending();
        assert_int_equal(reserve(&budget, 6 * CENT, NOON_OF_MAY_31, &id, NULL), 0);
        assert_int_equal(reserve(&budget, 5 * CENT, NOON_OF_MAY_31 - 40 * A_DAY, &id, &error), LEDGER_OVER_BUDGET);
        assert_non_null(strstr(error.text, "budget of the day (2026-05-31)"));
        assert_int_equal(reserve(&budget, 4 * CENT, NOON_OF_MAY_31 - A_DAY, &id, NULL), 0);
        assert_int_equal(reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL), LEDGER_OVER_BUDGET);
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31 - A_DAY, NULL), 0);
        assert_true(day == 10 * CENT && month == 10 * CENT);
        assert_int_equal(reserve(&budget, 10 * CENT, NOON_OF_MAY_31 + A_DAY, &id, NULL), 0);
}

/* The first row of one file is not that of another. */
static void test_settled_in_another_ledger(void **state)
{
        const Budget budget = { "USD", MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN, false };
        int64_t old, new, day, month;
        Error error = {};
        (void)state;

        forget_spending();
        assert_int_equal(reserve(&budget, 6 * CENT, NOON_OF_MAY_31, &old, NULL), 0);
        remove_ledger();
        assert_int_equal(reserve(&budget, 5 * CENT, NOON_OF_MAY_31, &new, NULL), 0);
        assert_int_equal(ledger_settle(ledger, old, 0, 1, "done", &error), -ESTALE);
        assert_non_null(strstr(error.text, "was replaced"));
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(day, 5 * CENT);
        assert_int_equal(ledger_settle(ledger, new, CENT, 1, "done", NULL), 0);
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31, NULL), 0);
        assert_int_equal(day, CENT);
}

static int64_t run_sql(const char *sql)
{
        sqlite3 *db;
        sqlite3_stmt *statement = NULL;
        int64_t number = -1;

        assert_int_equal(sqlite3_open(scratch_path("imagined/ledger.sqlite"), &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        if (sqlite3_step(statement) == SQLITE_ROW)
                number = sqlite3_column_int64(statement, 0);
        assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return number;
}

static void test_a_newer_ledger_is_left_alone(void **state)
{
        const Budget budget = {};
        Error error = {};
        int64_t id;
        (void)state;

        forget_spending();
        assert_int_equal(reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL), 0);
        ledger = ledger_free(ledger);
        assert_int_equal(ledger_new(&ledger), 0);
        (void)run_sql("PRAGMA user_version = 2");
        assert_int_equal(reserve(&budget, CENT, NOON_OF_MAY_31, &id, &error), -EPROTO);
        assert_non_null(strstr(error.text, "newer version"));
        assert_int_equal(run_sql("PRAGMA user_version"), 2);
        assert_int_equal(run_sql("SELECT COUNT(*) FROM spending"), 1);
}

/* Killed at any moment, a reservation that was answered is there, and one that was not may be. */
static void test_ledger_is_crash_safe(void **state)
{
        const Budget budget = { "USD", MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN, false };
        int64_t day, month;
        (void)state;

        for (int round = 0; round < 12; round++) {
                int told[2];
                char byte;
                int64_t answered = 0;

                forget_spending();
                assert_int_equal(pipe(told), 0);
                pid_t pid = fork();
                if (pid == 0) {
                        for (int64_t id;;)
                                if (reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL) < 0 || write(told[1], "", 1) != 1)
                                        _exit(1);
                }
                (void)close(told[1]);
                for (int i = 0; i < 1 + round; i++)
                        assert_int_equal(read(told[0], &byte, 1), 1);
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                for (answered = 1 + round; read(told[0], &byte, 1) == 1;)
                        answered++;
                (void)close(told[0]);
                assert_int_equal(ledger_sums(ledger, &day, &month, "USD", NOON_OF_MAY_31, NULL), 0);
                assert_true(day == answered * CENT || day == (answered + 1) * CENT);
        }
}

/* Who cannot note what is spent spends nothing. */
static void test_broken_ledger(void **state)
{
        const Budget budget = {};
        int64_t id;
        (void)state;

        forget_spending();
        FILE *file = fopen(scratch_path("imagined/ledger.sqlite"), "we");
        assert_non_null(file);
        (void)fputs("This is no database, however long one looks at it.", file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL), -EIO);
        forget_spending();
        assert_int_equal(symlink("/etc/passwd", scratch_path("imagined/ledger.sqlite")), 0);
        assert_true(reserve(&budget, CENT, NOON_OF_MAY_31, &id, NULL) < 0);
        forget_spending();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ledger),
                cmocka_unit_test(test_a_clock_set_back_gives_no_budget),
                cmocka_unit_test(test_settled_in_another_ledger),
                cmocka_unit_test(test_a_newer_ledger_is_left_alone),
                cmocka_unit_test(test_ledger_is_crash_safe),
                cmocka_unit_test(test_broken_ledger),
        };
        return cmocka_run_group_tests(tests, ledger_set_up, ledger_tear_down);
}

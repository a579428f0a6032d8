/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file: who may read it, what is no such file, one that is locked, and one that was removed. */

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/records/records.h"

static unsigned mode_of(const char *name)
{
        struct stat st;

        assert_int_equal(stat(scratch_path("data/imagined/%s", name), &st), 0);
        return st.st_mode & 0777;
}

static void test_others_cannot_read(void **state)
{
        const mode_t before = umask(0);
        _cleanup_(records_closep) Records *records = open_records();
        int status;
        (void)state, (void)umask(before);

        add(records, numbered_record(1, "a secret"));
        assert_int_equal(mode_of("records"), 0700);
        assert_int_equal(mode_of("records/records.db"), 0600);
        assert_int_equal(mode_of("records/records.db-wal"), 0600);
        assert_int_equal(mode_of("records/records.db-shm"), 0600);
        if (getuid() != 0)
                skip();
        scratch_run("chmod 755 . data data/imagined");
        pid_t pid = fork();
        if (pid == 0) {
                Records *theirs;
                const bool can = setuid(65534) < 0 || open(database(), O_RDONLY) >= 0 ||
                                 open(scratch_path("data/imagined/records"), O_RDONLY) >= 0 ||
                                 records_open(&theirs, database(), RECORDS_EXIST, NULL) >= 0;
                _exit(can);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        /* Nor are others' used: root could. */
        scratch_run("chown 65534 data/imagined/records");
        Records *again;
        assert_int_equal(records_open(&again, database(), RECORDS_CREATE, NULL), -EPERM);
}

static void test_a_place_that_was_open_is_closed(void **state)
{
        (void)state;
        scratch_run("mkdir -p data/imagined/records && touch data/imagined/records/records.db && chmod -R 777 data");
        (void)records_close(open_records());
        assert_int_equal(mode_of("records"), 0700);
        assert_int_equal(mode_of("records/records.db"), 0600);
}

static void test_what_is_no_database_stays_as_it_is(void **state)
{
        Records *records = NULL;
        (void)state;

        assert_int_equal(records_open(&records, database(), RECORDS_EXIST, NULL), -ENOENT);
        scratch_run("mkdir -p data/imagined/records; yes imagined | head -c 9000 >data/imagined/records/records.db; cp -r data before");
        assert_int_equal(records_open(&records, database(), RECORDS_CREATE, NULL), -EBADMSG);
        scratch_run("cmp data/imagined/records/records.db before/imagined/records/records.db");
        scratch_run("rm data/imagined/records/records.db; mkfifo data/imagined/records/records.db");
        assert_int_equal(records_open(&records, database(), RECORDS_CREATE, NULL), -EBADMSG);
        scratch_run("cd data/imagined/records; rm records.db; ln -s ../../../before/imagined/records/records.db records.db");
        assert_int_equal(records_open(&records, database(), RECORDS_CREATE, NULL), -ELOOP);
}

/* --- somebody else --- */

/* On a connection of its own; NULL: a new one. */
static sqlite3 *run_sql(sqlite3 *db, const char *sql)
{
        if (!db)
                assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        return db;
}

static void test_who_finds_it_locked_can_come_again(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *record = numbered_record(1, "");
        (void)state;

        Error error = { 0 };
        sqlite3 *other = run_sql(NULL, "BEGIN IMMEDIATE");
        records_set_patience(records, 0);
        assert_int_equal(records_add(records, record, &error), -EAGAIN);
        (void)sqlite3_close(run_sql(other, "ROLLBACK"));
        assert_int_equal(records_add(records, record, &error), 0);
        json_decref(record);
}

/* --- somewhere else --- */

static void test_a_removed_one_is_told_from_the_next(void **state)
{
        Records *removed = open_records();
        json_t *back = NULL;
        (void)state;

        add(removed, numbered_record(1, ""));
        assert_false(records_have_moved(removed));
        remove_database();
        assert_true(records_have_moved(removed));
        _cleanup_(records_closep) Records *next = open_records();
        add(next, numbered_record(2, ""));
        assert_false(records_have_moved(next));
        records_close(removed);
        _cleanup_(records_closep) Records *again = open_records();
        assert_int_equal(records_get(again, numbered_id(2), &back, NULL), 0);
        json_decref(back);
        assert_int_equal(records_get(again, numbered_id(1), &back, NULL), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_others_cannot_read, without_records),
                cmocka_unit_test_setup(test_a_place_that_was_open_is_closed, without_records),
                cmocka_unit_test_setup(test_what_is_no_database_stays_as_it_is, without_records),
                cmocka_unit_test_setup(test_who_finds_it_locked_can_come_again, without_records),
                cmocka_unit_test_setup(test_a_removed_one_is_told_from_the_next, without_records),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of other versions: older ones become this one's, whole or not at all, and newer ones are left alone. */

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "records/records-private.h"
#include "tests/records/dying.h"

#define STEPS_MAX 500

/* As the next version may have it: a column that is filled, an index, and a table that becomes another one. */
static const char *const next[] = {
        "this is done already",
        "ALTER TABLE picture ADD COLUMN rating INTEGER;"
        "UPDATE picture SET rating = 5;"
        "CREATE INDEX picture_rating ON picture(rating);"
        "CREATE TABLE place (path TEXT PRIMARY KEY, picture INTEGER NOT NULL, note TEXT);"
        "INSERT INTO place SELECT path, picture, 'old' FROM file;"
        "DROP TABLE file",
};

static int64_t number(Records *records, const char *sql)
{
        int64_t n = -1;

        assert_int_equal(records_number(records, sql, &n, NULL), 0);
        return n;
}

static int count(json_t *record, void *userdata)
{
        (void)record;
        ++*(unsigned *)userdata;
        return 0;
}

/* --- what was written once --- */

static void run_file(const char *path)
{
        char sql[16384];
        sqlite3 *db;
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        size_t n = fread(sql, 1, sizeof(sql) - 1, f);
        (void)fclose(f);
        assert_in_range(n, 1, sizeof(sql) - 2);
        sql[n] = '\0';
        scratch_run("mkdir -p data/imagined/records");
        assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(db);
}

static void test_version_1(void **state)
{
        json_t *record = NULL;
        unsigned found = 0;
        (void)state;

        run_file("tests/fixtures/records/version-1.sql");
        _cleanup_(records_closep) Records *records = open_records();
        assert_int_equal(records_get(records, "aaaaaaaa22", &record, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(json_object_get(record, "model_files"), "unet")), "00");
        assert_int_equal(json_array_size(json_object_get(record, "files")), 1);
        assert_int_equal(json_array_size(json_object_get(record, "comments")), 1);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(record, "settings"), "seed")), 7);
        assert_int_equal(json_integer_value(json_object_get(record, "x")), 1);
        json_decref(record);
        assert_int_equal(records_search(records, &(RecordsQuery) { .words = "wolf" }, count, &found, NULL), 0);
        assert_int_equal(found, 1);
        add(records, numbered_record(99, "an owl"));
        check_sql("PRAGMA integrity_check");
        check_sql("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)");
}

/* --- to the next one --- */

static void test_goes_on_from_its_version(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        (void)state;

        for (unsigned i = 0; i < 3; i++)
                add(records, numbered_record(i, "a red fox"));
        assert_int_equal(records_migrate_by(records, next, ELEMENTSOF(next), NULL), 0);
        assert_int_equal(number(records, "PRAGMA user_version"), 2);
        assert_int_equal(number(records, "SELECT sum(rating) FROM picture"), 15);
        assert_int_equal(number(records, "SELECT count(*) FROM place WHERE note = 'old'"), 3);
        /* Once. */
        assert_int_equal(records_migrate_by(records, next, ELEMENTSOF(next), NULL), 0);
}

static void test_what_fails_is_undone(void **state)
{
        static const char *const wrong[] = { "", "UPDATE picture SET alt = 'x'; DROP TABLE file; nonsense" };
        _cleanup_(records_closep) Records *records = open_records();
        Error error = { 0 };
        (void)state;

        add(records, numbered_record(1, "a red fox"));
        assert_true(records_migrate_by(records, wrong, ELEMENTSOF(wrong), &error) < 0);
        assert_int_equal(number(records, "PRAGMA user_version"), 1);
        assert_int_equal(number(records, "SELECT count(*) FROM picture WHERE alt IS NULL"), 1);
        assert_int_equal(number(records, "SELECT count(*) FROM file"), 1);
}

static void test_a_newer_one_is_left_alone(void **state)
{
        Records *records = open_records();
        Error error = { 0 };
        (void)state;

        add(records, numbered_record(1, "a red fox"));
        assert_int_equal(records_migrate_by(records, next, ELEMENTSOF(next), NULL), 0);
        (void)records_close(records);
        scratch_run("cp data/imagined/records/records.db before");
        for (RecordsMode mode = RECORDS_EXIST; mode <= RECORDS_CREATE; mode++) {
                assert_int_equal(records_open(&records, database(), mode, &error), -EPROTO);
                assert_string_equal(error.text, "The records are of a newer version of this program");
        }
        scratch_run("cmp data/imagined/records/records.db before && [ ! -s data/imagined/records/records.db-wal ]");
}

/* --- killed on the way --- */

static int migrate(void)
{
        Records *records = NULL;

        int r = records_open(&records, database(), RECORDS_EXIST, NULL);
        if (r >= 0)
                r = records_migrate_by(records, next, ELEMENTSOF(next), NULL);
        (void)records_close(records);
        return r;
}

/* All of the one version, or all of the other. */
static void check_one_of_both(void)
{
        sqlite3 *db;
        Records records;

        check_sql("PRAGMA integrity_check");
        assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
        records.db = db;
        const bool is_next = number(&records, "PRAGMA user_version") == 2;
        assert_int_equal(number(&records, "SELECT count(*) FROM picture"), 3);
        assert_int_equal(number(&records, "SELECT count(*) FROM pragma_table_info('picture') WHERE name = 'rating'"), is_next);
        assert_int_equal(number(&records, "SELECT count(*) FROM sqlite_master WHERE name = 'file'"), !is_next);
        assert_int_equal(number(&records, is_next ? "SELECT count(*) FROM place" : "SELECT count(*) FROM file"), 3);
        (void)sqlite3_close(db);
        assert_int_equal(migrate(), is_next ? -EPROTO : 0);
}

static void test_killed_at_each_step(void **state)
{
        unsigned deaths = 0;
        int status = 0;
        (void)state;

        steps_left = UINT_MAX;
        install_layer();
        Records *records = open_records();
        for (unsigned i = 0; i < 3; i++)
                add(records, numbered_record(i, "a red fox"));
        (void)records_close(records);
        scratch_run("rm -rf before && cp -r data before");
        for (; deaths < STEPS_MAX; deaths++) {
                scratch_run("rm -rf data && cp -r before data");
                pid_t pid = fork();
                if (pid == 0) {
                        steps_left = deaths;
                        _exit(migrate() < 0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (WIFEXITED(status))
                        break;
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                check_one_of_both();
        }
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_in_range(deaths, 10, STEPS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_version_1, without_records),
                cmocka_unit_test_setup(test_goes_on_from_its_version, without_records),
                cmocka_unit_test_setup(test_what_fails_is_undone, without_records),
                cmocka_unit_test_setup(test_a_newer_one_is_left_alone, without_records),
                cmocka_unit_test_setup(test_killed_at_each_step, without_records),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

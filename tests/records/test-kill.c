/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever writes records is killed at each of its writes in turn: what is there afterwards is whole. A layer below SQLite counts
 * what it does to files, and kills at that number. */

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/records/records.h"

#define STEPS_MAX 2000

static unsigned steps_left; /* before the one that kills */
/* Databases and logs have methods of their own. */
static struct Kind {
        sqlite3_io_methods dying; /* first: what a file points to */
        const sqlite3_io_methods *living;
} kinds[4];
static sqlite3_vfs layer;
static sqlite3_vfs *below;

static const sqlite3_io_methods *living(const sqlite3_file *file)
{
        return ((const struct Kind *)file->pMethods)->living;
}

static void step(void)
{
        if (steps_left-- == 0)
                (void)raise(SIGKILL);
}

/* Half of what is written comes before the death, as it may. */
static int write_step(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
        if (steps_left == 0)
                (void)living(file)->xWrite(file, data, n / 2, at);
        step();
        return living(file)->xWrite(file, data, n, at);
}

static int truncate_step(sqlite3_file *file, sqlite3_int64 size)
{
        step();
        return living(file)->xTruncate(file, size);
}

static int sync_step(sqlite3_file *file, int flags)
{
        (void)file, (void)flags;
        step(); /* what a process has written does not die with it, so the disk can wait */
        return SQLITE_OK;
}

static int delete_step(sqlite3_vfs *vfs, const char *name, int sync)
{
        (void)vfs;
        step();
        return below->xDelete(below, name, sync);
}

static int open_step(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
        (void)vfs;
        int code = below->xOpen(below, name, file, flags, ret_flags);
        if (code != SQLITE_OK || !file->pMethods)
                return code;
        struct Kind *kind = kinds;
        while (kind->living && kind->living != file->pMethods)
                kind++;
        assert_true(kind < kinds + ELEMENTSOF(kinds));
        kind->living = file->pMethods;
        kind->dying = *file->pMethods;
        kind->dying.xWrite = write_step;
        kind->dying.xTruncate = truncate_step;
        kind->dying.xSync = sync_step;
        file->pMethods = &kind->dying;
        return code;
}

static void install_layer(void)
{
        below = sqlite3_vfs_find(NULL);
        layer = *below;
        layer.zName = "dying";
        layer.xOpen = open_step;
        layer.xDelete = delete_step;
        (void)sqlite3_vfs_register(&layer, 1);
}

/* What is done with records, from the first one on. */
static int work(void)
{
        Records *records = NULL;
        json_t *changes = json_pack("{s:s, s:[s]}", "alt", "A fox that has gone", "tags", "animal");

        int r = records_open(&records, database(), RECORDS_CREATE, NULL);
        for (unsigned i = 0; r >= 0 && i < 3; i++) {
                json_t *record = numbered_record(i, "a red fox runs over the lazy dog");
                r = records_add(records, record, NULL);
                json_decref(record);
        }
        if (r >= 0)
                r = records_change(records, numbered_id(1), changes, NULL);
        if (r >= 0)
                r = records_comment(records, numbered_id(2), "me", "fine", "approved", NULL);
        if (r >= 0)
                r = records_remove(records, numbered_id(0), NULL);
        for (unsigned i = 20; r >= 0 && i < 22; i++) {
                json_t *record = numbered_record(i, "a grey wolf");
                r = records_add(records, record, NULL);
                json_decref(record);
        }
        if (r >= 0)
                r = records_forget(records, &(RecordsQuery) { .words = "wolf" }, true, NULL, NULL);
        json_decref(changes);
        (void)records_close(records);
        return r;
}

static int check_one(json_t *record, void *userdata)
{
        json_t *whole = NULL;

        assert_int_equal(records_get(userdata, json_string_value(json_object_get(record, "id")), &whole, NULL), 0);
        assert_non_null(json_object_get(whole, "settings"));
        assert_non_null(json_object_get(whole, "model_files"));
        /* Files go with the prompt, and neither before the other. */
        assert_true(!json_object_get(whole, "prompt") == !json_object_get(whole, "files"));
        const json_t *comments = json_object_get(whole, "comments");
        const char *state = json_string_value(json_object_get(whole, "state"));
        assert_true(json_array_size(comments) == (streq(state, "approved") ? 2U : 1U));
        assert_true(!json_object_get(whole, "alt") == !json_object_get(whole, "tags"));
        json_decref(whole);
        return 0;
}

static void check_sql(const char *sql)
{
        sqlite3 *db;
        sqlite3_stmt *statement;

        assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
                assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
        else
                assert_int_equal(code, SQLITE_DONE);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(db);
}

static void check_whole(void)
{
        Records *records = open_records();

        assert_int_equal(records_search(records, &(RecordsQuery) { 0 }, check_one, records, NULL), 0);
        check_sql("PRAGMA integrity_check");
        check_sql("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)");
        /* And it goes on. */
        json_t *record = numbered_record(99, "an owl");
        assert_int_equal(records_add(records, record, NULL), 0);
        json_decref(record);
        (void)records_close(records);
}

static void test_killed_at_each_step(void **state)
{
        unsigned deaths = 0;
        int status = 0;
        (void)state;

        steps_left = UINT_MAX; /* of this process, which does not die */
        install_layer();
        for (; deaths < STEPS_MAX; deaths++) {
                remove_database();
                pid_t pid = fork();
                if (pid == 0) {
                        steps_left = deaths;
                        _exit(work() < 0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (WIFEXITED(status))
                        break;
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                check_whole();
        }
        /* It came to its end at last, and had come a long way. */
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_in_range(deaths, 50, STEPS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed_at_each_step),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

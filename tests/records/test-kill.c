/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever writes records is killed at each of its writes in turn: what is there afterwards is whole. */

#include <string.h>
#include <sys/wait.h>

#include "tests/records/dying.h"

#define STEPS_MAX 2000

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

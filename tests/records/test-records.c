/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/records/records.h"

/* --- in and out --- */

static const char full[] =
        "{\"id\":\"fedcba9876\",\"time\":1700000000000001,\"prompt\":\"a red fox\",\"negative\":\"text\",\"asked\":\"fox\","
        "\"lineage\":{\"template\":\"photo\",\"lineage\":[\"fox\"]},\"provider\":\"cloud\",\"terms\":{\"address\":\"https://x\"},"
        "\"price\":0.04,\"currency\":\"EUR\",\"model\":\"m\",\"model_version\":\"1\",\"model_digest\":\"abc\",\"license\":\"MIT\","
        "\"model_files\":{\"unet\":\"00\"},\"settings\":{\"seed\":7},\"width\":64,\"height\":32,\"made_with\":{\"isa\":\"avx2\"},"
        "\"seconds\":0.5,\"pixels\":\"ff\",\"parent\":\"abcdefgh22\",\"relation\":\"vary\",\"app\":\"org.x\",\"state\":\"draft\","
        "\"alt\":\"A fox\",\"tags\":[\"animal\",\"red\"],\"files\":[\"/tmp/a.png\",\"/tmp/b.png\"],\"of later versions\":[1,2],"
        "\"comments\":[{\"time\":5,\"who\":\"me\",\"text\":\"good\",\"state\":\"draft\"},{\"time\":6,\"who\":\"you\",\"text\":\"\"}]}";

static void test_comes_back_whole(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *record = json_loads(full, 0, NULL), *back = NULL;
        Error error;
        (void)state;

        add(records, json_incref(record));
        assert_int_equal(records_get(records, "fedc", &back, &error), 0);
        assert_true(json_equal(record, back));
        json_decref(back);
        assert_int_equal(records_find_file(records, "/tmp/b.png", &back, &error), 0);
        assert_true(json_equal(record, back));
        json_decref(back);
        assert_int_equal(records_find_pixels(records, "ff", &back, &error), 0);
        assert_true(json_equal(record, back));
        json_decref(back);
        assert_int_equal(records_find_pixels(records, "00", &back, &error), -ENOENT);
        assert_int_equal(records_add(records, record, &error), -EEXIST);
        json_decref(record);
}

static void test_ids(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        char a[RECORD_ID_SIZE], b[RECORD_ID_SIZE];
        json_t *back = NULL;
        Error error;
        (void)state;

        assert_int_equal(records_new_id(a), 0);
        assert_int_equal(records_new_id(b), 0);
        assert_int_equal(strlen(a), RECORD_ID_SIZE - 1);
        assert_string_not_equal(a, b);
        add(records, numbered_record(1, ""));
        add(records, numbered_record(2, ""));
        assert_int_equal(records_get(records, "22", &back, &error), -ENOTUNIQ);
        assert_int_equal(records_get(records, "", &back, &error), -ENOENT);
        assert_int_equal(records_get(records, "z", &back, &error), -ENOENT);
        assert_int_equal(records_get(records, numbered_id(2), &back, &error), 0);
        json_decref(back);
}

static void test_wrong_ones_are_refused(void **state)
{
        static const char *const wrong[] = {
                "{\"time\":1}",
                "{\"id\":\"aaaaaaaaaa\"}",
                "{\"id\":\"aaaaaaaaa\",\"time\":1}",
                "{\"id\":\"aaaaaaaaal\",\"time\":1}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":0}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":9223372036854775807}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":\"1\"}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"prompt\":7}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"settings\":\"x\"}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"price\":\"x\"}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"state\":\"good\"}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"state\":7}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"files\":[7]}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"comments\":[{\"time\":1}]}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"comments\":[{\"time\":1,\"who\":\"\",\"text\":\"\",\"state\":\"good\"}]}",
                "{\"id\":\"aaaaaaaaaa\",\"time\":1,\"tags\":\"x\"}",
        };
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                json_t *record = json_loads(wrong[i], 0, NULL);
                Error error = { 0 };
                assert_non_null(record);
                if (records_add(records, record, &error) != -EINVAL)
                        fail_msg("%s: %s", wrong[i], error.text);
                json_decref(record);
        }
        /* Nothing of them is there. */
        assert_int_equal(records_get(records, "a", &back, NULL), -ENOENT);
}

static void test_no_two_have_a_time(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL;
        (void)state;

        for (unsigned i = 0; i < 3; i++) {
                json_t *record = numbered_record(i, "");
                (void)json_object_set_new(record, "time", json_integer(77));
                add(records, record);
        }
        assert_int_equal(records_get(records, numbered_id(2), &back, NULL), 0);
        assert_int_equal(json_integer_value(json_object_get(back, "time")), 79);
        json_decref(back);
}

/* --- search --- */

static int append_id(json_t *record, void *userdata)
{
        return json_array_append(userdata, json_object_get(record, "id"));
}

/* Listed they are the same ones, and each time leads to its record. */
static void check_listed(Records *records, const RecordsQuery *query, const json_t *ids)
{
        _cleanup_(freep) int64_t *times = NULL;
        size_t n = 0;

        assert_int_equal(records_list(records, query, &times, &n, NULL), 0);
        assert_int_equal(n, json_array_size(ids));
        for (size_t i = 0; i < n; i++) {
                json_t *record = NULL;
                assert_int_equal(records_get_at(records, times[i], &record, NULL), 0);
                assert_true(json_equal(json_object_get(record, "id"), json_array_get(ids, i)));
                assert_non_null(json_object_get(record, "files"));
                json_decref(record);
        }
}

static void check_found(Records *records, const RecordsQuery *query, size_t n, unsigned first)
{
        json_t *ids = json_array();
        Error error = { 0 };

        if (records_search(records, query, append_id, ids, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(json_array_size(ids), n);
        if (n > 0)
                assert_string_equal(json_string_value(json_array_get(ids, 0)), numbered_id(first));
        check_listed(records, query, ids);
        json_decref(ids);
}

static void test_search(void **state)
{
        static const char *const prompts[] = { "a red fox", "a blue fox, \"wild\"", "a red house", "Füchse" };
        _cleanup_(records_closep) Records *records = open_records();
        const json_int_t begin = 1700000000000000;
        (void)state;

        for (unsigned i = 0; i < ELEMENTSOF(prompts); i++)
                add(records, numbered_record(i, prompts[i]));
        json_t *change = json_pack("{s:s, s:s, s:[s], s:s, s:s}", "state", "approved", "provider", "cloud", "tags", "Garden party",
                                   "parent", "abcdefghjk", "app", "org.x");
        assert_int_equal(records_change(records, numbered_id(2), change, NULL), 0);
        json_decref(change);

        check_found(records, &(RecordsQuery) { 0 }, 4, 3);
        check_found(records, &(RecordsQuery) { .limit = 2 }, 2, 3);
        check_found(records, &(RecordsQuery) { .words = "fox" }, 2, 1);
        check_found(records, &(RecordsQuery) { .words = "FOX red" }, 1, 0);
        check_found(records, &(RecordsQuery) { .words = "fo" }, 0, 0);
        check_found(records, &(RecordsQuery) { .words = " fo* " }, 2, 1);
        check_found(records, &(RecordsQuery) { .words = "fuchse" }, 1, 3);
        check_found(records, &(RecordsQuery) { .words = "party" }, 1, 2);
        check_found(records, &(RecordsQuery) { .words = "\"wild\"" }, 1, 1);
        /* What FTS5 would take for operators. */
        check_found(records, &(RecordsQuery) { .words = "red OR fox" }, 0, 0);
        check_found(records, &(RecordsQuery) { .words = "prompt:fox NOT ( \" ^ - {" }, 0, 0);
        check_found(records, &(RecordsQuery) { .words = "  " }, 4, 3);
        check_found(records, &(RecordsQuery) { .state = "approved" }, 1, 2);
        check_found(records, &(RecordsQuery) { .state = "draft", .words = "red" }, 1, 0);
        check_found(records, &(RecordsQuery) { .provider = "cloud" }, 1, 2);
        check_found(records, &(RecordsQuery) { .provider = "" }, 3, 3);
        check_found(records, &(RecordsQuery) { .tag = "Garden party" }, 1, 2);
        check_found(records, &(RecordsQuery) { .tag = "party" }, 0, 0);
        check_found(records, &(RecordsQuery) { .app = "org.x", .model = "default", .parent = "abcdefghjk" }, 1, 2);
        check_found(records, &(RecordsQuery) { .model = "other" }, 0, 0);
        check_found(records, &(RecordsQuery) { .since = (uint64_t)begin + 1000, .until = (uint64_t)begin + 3000 }, 2, 2);
        assert_int_equal(records_get_at(records, 1, &(json_t *) { NULL }, NULL), -ENOENT);
}

/* --- changes --- */

/* Each file's digest is kept once for a model, also when it is known later than the picture. */
static void test_model_files(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL, *record = json_pack("{s:s, s:I}", "id", "bbbbbbbbbb", "time", (json_int_t)9),
               *late = json_pack("{s:s, s:{s:s}}", "model_digest", "d7", "model_files", "vae", "d8");
        (void)state;

        add(records, numbered_record(1, "a fox"));
        add(records, record);
        assert_int_equal(records_change(records, "bbbbbbbbbb", late, NULL), 0);
        assert_int_equal(records_get(records, "bbbbbbbbbb", &back, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(json_object_get(back, "model_files"), "vae")), "d8");
        json_decref(back);
        assert_int_equal(records_get(records, numbered_id(1), &back, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(json_object_get(back, "model_files"), "unet")), "d2");
        json_decref(back);
        json_decref(late);
}

static void test_changes(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL, *change = json_pack("{s:s, s:n, s:{s:i}, s:s}", "alt", "A wolf", "prompt", "more", "x", 1, "state", "draft");
        json_t *wrong = json_pack("{s:s}", "id", "bbbbbbbbbb"), *bad = json_pack("{s:s, s:i}", "state", "rejected", "alt", 7);
        (void)state;

        add(records, numbered_record(1, "a fox"));
        assert_int_equal(records_change(records, numbered_id(1), change, NULL), 0);
        assert_int_equal(records_change(records, numbered_id(1), wrong, NULL), -EINVAL);
        assert_int_equal(records_change(records, numbered_id(1), bad, NULL), -EINVAL);
        assert_int_equal(records_change(records, numbered_id(2), change, NULL), -ENOENT);
        assert_int_equal(records_add_file(records, numbered_id(1), "/tmp/new.png", NULL), 0);
        assert_int_equal(records_add_file(records, numbered_id(1), "new.png", NULL), -EINVAL);
        assert_int_equal(records_comment(records, numbered_id(1), "me", "yes", "approved", NULL), 0);
        assert_int_equal(records_comment(records, numbered_id(1), "me", "but", NULL, NULL), 0);
        assert_int_equal(records_comment(records, numbered_id(1), "me", "but", "so", NULL), -EINVAL);

        assert_int_equal(records_get(records, numbered_id(1), &back, NULL), 0);
        assert_null(json_object_get(back, "prompt"));
        assert_string_equal(json_string_value(json_object_get(back, "alt")), "A wolf");
        assert_string_equal(json_string_value(json_object_get(back, "state")), "approved");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(back, "more"), "x")), 1);
        assert_int_equal(json_array_size(json_object_get(back, "files")), 2);
        assert_int_equal(json_array_size(json_object_get(back, "comments")), 3);
        check_found(records, &(RecordsQuery) { .words = "fox" }, 0, 0);
        check_found(records, &(RecordsQuery) { .words = "wolf" }, 1, 1);
        json_decref(back);
        json_decref(change);
        json_decref(wrong);
        json_decref(bad);
}

static void test_a_file_is_of_the_last_that_was_written_there(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL;
        (void)state;

        add(records, numbered_record(1, ""));
        add(records, numbered_record(2, ""));
        assert_int_equal(records_add_file(records, numbered_id(1), "/tmp/x.png", NULL), 0);
        assert_int_equal(records_add_file(records, numbered_id(2), "/tmp/x.png", NULL), 0);
        assert_int_equal(records_find_file(records, "/tmp/x.png", &back, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(back, "id")), numbered_id(2));
        json_decref(back);
}


/* --- what is forgotten is gone --- */

/* Whether these bytes are in any file of the database. */
static bool is_on_disk(const char *text)
{
        char command[256];

        (void)snprintf(command, sizeof(command), "grep -qrai -e '%s' '%s/data'", text, scratch);
        return system(command) == 0;
}

static void test_forget(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        _cleanup_(records_closep) Records *other = open_records(); /* the service's, say */
        json_t *back = NULL;
        uint64_t n = 0;
        (void)state;

        for (unsigned i = 0; i < 200; i++) {
                json_t *record = numbered_record(i, i % 2 ? "quetzalcoatl feathers" : "an ordinary armadillo");
                (void)json_object_set_new(record, "app", json_string(i % 4 == 1 ? "org.gamma" : "org.delta"));
                (void)json_object_set_new(record, "asked", json_string("some xylophone"));
                (void)json_object_set_new(record, "export_name", json_string("a-marimba.png"));
                add(other, record);
        }
        assert_true(is_on_disk("quetzalcoatl") && is_on_disk("feathers"));
        assert_int_equal(records_forget(records, &(RecordsQuery) { .words = "feathers" }, false, &n, NULL), 0);
        assert_int_equal(n, 100);
        assert_false(is_on_disk("quetzalcoatl") || is_on_disk("feathers") || is_on_disk("org.gamma"));
        check_found(other, &(RecordsQuery) { .words = "armadillo" }, 100, 198);

        const uint64_t half = 1700000000000000 + 1000 * 100;
        assert_int_equal(records_forget(records, &(RecordsQuery) { .app = "org.delta", .until = half }, true, &n, NULL), 0);
        assert_int_equal(n, 50);
        check_found(other, &(RecordsQuery) { .words = "armadillo" }, 50, 198);
        assert_int_equal(records_forget(records, &(RecordsQuery) { 0 }, true, &n, NULL), 0);
        assert_false(is_on_disk("armadillo") || is_on_disk("xylophone") || is_on_disk("102.png") || is_on_disk("marimba"));
        assert_int_equal(records_get(other, numbered_id(2), &back, NULL), 0);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(back, "settings"), "seed")), 2);
        json_decref(back);
        assert_int_equal(records_forget(records, &(RecordsQuery) { 0 }, false, &n, NULL), 0);
        assert_int_equal(n, 100);
        assert_false(is_on_disk("org.delta") || is_on_disk("unet"));
}

static void test_remove(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        (void)state;

        add(records, numbered_record(1, "quetzalcoatl"));
        add(records, numbered_record(2, "armadillo"));
        assert_int_equal(records_remove(records, numbered_id(1), NULL), 0);
        assert_int_equal(records_remove(records, numbered_id(1), NULL), -ENOENT);
        assert_int_equal(records_scrub(records, NULL), 0);
        assert_false(is_on_disk("quetzalcoatl"));
        assert_true(is_on_disk("armadillo"));
}

static void test_limits(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        const uint64_t day = 86400 * USEC_PER_SEC, now = clock_usec(CLOCK_REALTIME);
        struct stat st;
        uint64_t n = 1;
        (void)state;

        for (unsigned i = 0; i < 1000; i++) {
                json_t *record = numbered_record(i, "a fox that runs over the lazy dog");
                (void)json_object_set_new(record, "time", json_integer((json_int_t)now - (json_int_t)(10 * day - i * (day / 100))));
                add(records, record);
        }
        scratch_run("cp '%s' header; [ $(od -An -j 64 -N 4 -t u1 header | tr -d ' ') = 0001 ]", database()); /* incremental vacuum */
        assert_int_equal(records_limit_days(records, 0, &n, NULL), 0);
        assert_int_equal(n, 0);
        assert_int_equal(records_limit_bytes(records, 0, NULL), 0);
        check_found(records, &(RecordsQuery) { 0 }, 1000, 999);
        assert_int_equal(records_limit_days(records, 5, &n, NULL), 0);
        assert_in_range(n, 400, 500);
        check_found(records, &(RecordsQuery) { .until = now - 6 * day }, 0, 0);
        check_found(records, &(RecordsQuery) { .words = "fox", .since = now - 4 * day }, 400, 999);
        assert_int_equal(records_limit_bytes(records, 300000, NULL), 0);
        check_found(records, &(RecordsQuery) { .limit = 1 }, 1, 999);
        assert_int_equal(records_scrub(records, NULL), 0);
        assert_int_equal(stat(database(), &st), 0);
        assert_in_range(st.st_size, 50000, 300000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_comes_back_whole, without_records),
                cmocka_unit_test_setup(test_ids, without_records),
                cmocka_unit_test_setup(test_wrong_ones_are_refused, without_records),
                cmocka_unit_test_setup(test_no_two_have_a_time, without_records),
                cmocka_unit_test_setup(test_search, without_records),
                cmocka_unit_test_setup(test_model_files, without_records),
                cmocka_unit_test_setup(test_changes, without_records),
                cmocka_unit_test_setup(test_a_file_is_of_the_last_that_was_written_there, without_records),
                cmocka_unit_test_setup(test_forget, without_records),
                cmocka_unit_test_setup(test_remove, without_records),
                cmocka_unit_test_setup(test_limits, without_records),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

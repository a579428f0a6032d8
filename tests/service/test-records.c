/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the user's instance writes down of pictures, and that the machine's does not. */

#include <sqlite3.h>

#include "forward.h"
#include "records/records.h"

static char path[PATH_MAX];

static const char *database(const Place *place)
{
        (void)snprintf(path, sizeof(path), "%s/imagined/records/records.db", place->directory);
        return path;
}

/* A user's instance that draws itself. */
static void open_alone(const char *settings)
{
        machine = (Place) {};
        place_open_bus(&user, true);
        place_add_model(&user, "stub");
        place_start_service(&user, settings);
}

static int append(json_t *record, void *userdata)
{
        return json_array_append(userdata, record);
}

/* All that are there, newest first. */
static json_t *read_records(void)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *all = json_array();

        if (records_open(&records, database(&user), RECORDS_EXIST, NULL) >= 0)
                assert_int_equal(records_search(records, &(RecordsQuery) {}, append, all, NULL), 0);
        return all;
}

static const char *text_of(const json_t *record, const char *key)
{
        const char *text = json_string_value(json_object_get(record, key));
        return text ? text : "";
}

static json_int_t setting_of(const json_t *record, const char *key)
{
        return json_integer_value(json_object_get(json_object_get(record, "settings"), key));
}

static void draw(sd_bus *bus, const char *prompt, JobRef *job)
{
        assert_true(generate(
                                    bus, job, prompt, 6, "seed", "t", UINT64_C(41), "width", "u", 96, "height", "u", 48, "count", "u",
                                    2, "negative-prompt", "s", "text", "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job->path, IMAGINE_STATE_DONE));
}

/* The record that GetResult names. */
static void result_record(sd_bus *bus, const char *job, uint32_t index, char ret[static RECORD_ID_SIZE])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *key, *value;

        assert_true(sd_bus_call_method(bus, IMAGINE_BUS_NAME, job, IMAGINE_JOB_INTERFACE, "GetResult", NULL, &reply, "u", index) >= 0);
        assert_true(sd_bus_message_skip(reply, "h") >= 0 && sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
        ret[0] = '\0';
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &key) >= 0);
                if (streq(key, "record")) {
                        assert_true(sd_bus_message_read(reply, "v", "s", &value) >= 0);
                        (void)snprintf(ret, RECORD_ID_SIZE, "%s", value);
                } else {
                        assert_true(sd_bus_message_skip(reply, "v") >= 0);
                }
                assert_true(sd_bus_message_exit_container(reply) >= 0);
        }
}

/* Digests are computed when nothing else is to be done, and put down then: of the model, and of each of its files. */
static void check_digests(void)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;; sleep_ms(20)) {
                _cleanup_(records_closep) Records *records = NULL;
                json_t *record = NULL, *all = read_records();
                assert_int_equal(records_open(&records, database(&user), RECORDS_EXIST, NULL), 0);
                assert_int_equal(records_get(records, text_of(json_array_get(all, 0), "id"), &record, NULL), 0);
                const char *digest = text_of(record, "model_digest");
                const bool is_known = *digest;
                if (is_known)
                        assert_string_equal(text_of(json_object_get(record, "model_files"), "model_index.json"), digest);
                json_decref(record);
                json_decref(all);
                if (is_known)
                        return;
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        }
}

static void check_pictures(sd_bus *bus, const JobRef *job)
{
        json_t *all = read_records();

        assert_int_equal(json_array_size(all), 2);
        for (uint32_t i = 0; i < 2; i++) {
                const json_t *record = json_array_get(all, 1 - i);
                char id[RECORD_ID_SIZE];
                result_record(bus, job->path, i, id);
                assert_string_equal(text_of(record, "id"), id);
                assert_string_equal(text_of(record, "prompt"), "a fox");
                assert_string_equal(text_of(record, "negative"), "text");
                assert_string_equal(text_of(record, "model"), "stub");
                assert_string_equal(text_of(record, "state"), "draft");
                assert_int_equal(setting_of(record, "seed"), 41 + i);
                assert_int_equal(setting_of(record, "width"), 96);
                assert_true(setting_of(record, "steps") > 0);
                assert_string_equal(text_of(json_object_get(record, "settings"), "sampler"), "ddim");
                assert_null(json_object_get(json_object_get(record, "settings"), "count"));
                assert_true(json_number_value(json_object_get(record, "seconds")) < 60);
                assert_non_null(strstr(text_of(json_object_get(record, "made_with"), "engine"), VERSION));
                assert_string_equal(text_of(json_object_get(record, "made_with"), "precision"), "bf16");
                assert_string_equal(text_of(json_object_get(record, "settings"), "precision"), "bf16");
                assert_string_equal(text_of(json_object_get(record, "made_with"), "tokenizer"),
                                    "7777777777777777777777777777777777777777777777777777777777777777");
        }
        json_decref(all);
}

static void test_pictures_are_recorded(void **state)
{
        JobRef job;
        (void)state;

        open_alone("");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "a fox", &job);
        check_pictures(bus, &job);
        check_digests();
        place_close(&user);
}

static void test_the_machines_instance_keeps_none(void **state)
{
        JobRef job;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        draw(bus, "a fox", &job);
        check_pictures(bus, &job);
        check_digests();
        /* Neither of what was forwarded nor of what it was asked for itself. */
        draw(system_bus, "a wolf", &job);
        char id[RECORD_ID_SIZE];
        result_record(system_bus, job.path, 0, id);
        assert_string_equal(id, "");
        assert_int_equal(access(database(&machine), F_OK), -1);
        close_both();
}

/* With a strength a share of the steps is made, and what is written down is what was asked for, whoever draws. */
static void test_a_share_of_the_steps(void **state)
{
        JobRef job;
        uint32_t made = 0, asked = 0;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        _cleanup_(closep) int image = sealed_of("8x8 40");
        assert_true(generate(bus, &job, "a fox", 4, "init-image", "h", image, "strength", "d", 0.5, "steps", "u", 40, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_u32(bus, job.path, "Steps", &made) >= 0 && job_u32(bus, job.path, "ScheduleSteps", &asked) >= 0);
        assert_int_equal(made, 20);
        assert_int_equal(asked, 40);
        json_t *all = read_records();
        assert_int_equal(setting_of(json_array_get(all, 0), "steps"), 40);
        json_decref(all);
        close_both();
}

static void test_off(void **state)
{
        JobRef job;
        (void)state;

        open_alone("records = false;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "a fox", &job);
        assert_int_equal(access(database(&user), F_OK), -1);
        place_close(&user);
}

static void test_without_prompts(void **state)
{
        char command[PATH_MAX];
        JobRef job;
        (void)state;

        open_alone("record_prompts = false;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "quetzalcoatl", &job);
        json_t *all = read_records();
        assert_int_equal(json_array_size(all), 2);
        assert_null(json_object_get(json_array_get(all, 0), "prompt"));
        json_decref(all);
        (void)snprintf(command, sizeof(command), "! grep -rai quetzalcoatl '%s/imagined'", user.directory);
        assert_int_equal(system(command), 0);
        place_close(&user);
}

static void test_limits(void **state)
{
        JobRef job;
        (void)state;

        open_alone("record_bytes = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "a fox", &job);
        json_t *all = read_records();
        assert_int_equal(json_array_size(all), 0);
        json_decref(all);
        place_close(&user);
}

static void add_old(unsigned days, const char *prompt)
{
        _cleanup_(records_closep) Records *records = NULL;
        const uint64_t time = clock_usec(CLOCK_REALTIME) - days * 86400 * USEC_PER_SEC;
        char id[RECORD_ID_SIZE];

        assert_int_equal(records_new_id(id), 0);
        json_t *record = json_pack("{s:s, s:I, s:s}", "id", id, "time", (json_int_t)time, "prompt", prompt);
        assert_int_equal(records_open(&records, database(&user), RECORDS_CREATE, NULL), 0);
        assert_int_equal(records_add(records, record, NULL), 0);
        json_decref(record);
}

static void wait_for_count(size_t expected)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;; sleep_ms(20)) {
                json_t *all = read_records();
                const size_t n = json_array_size(all);
                json_decref(all);
                if (n == expected)
                        return;
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        }
}

/* Of the database, its log and its index. */
static void wait_until_not_on_disk(const char *text)
{
        char command[PATH_MAX + 64];

        (void)snprintf(command, sizeof(command), "! grep -qra -e '%s' \"$(dirname '%s')\"", text, database(&user));
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; system(command) != 0; sleep_ms(20))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

/* At the start, and from day to day, though nothing is drawn and nothing recorded any more; and their words with them. */
static void test_old_ones_go(void **state)
{
        (void)state;

        machine = (Place) {};
        place_open_bus(&user, true);
        place_add_model(&user, "stub");
        add_old(40, "a quetzalcoatl");
        add_old(29, "an armadillo");
        assert_int_equal(setenv("IMAGINED_RECORDER_TEST_DAY_MS", "50", 1), 0);
        place_start_service(&user, "records = false; record_days = 30;");
        wait_for_count(1);
        wait_until_not_on_disk("quetzalcoatl");
        add_old(31, "a xylophone");
        add_old(2, "a marimba");
        wait_for_count(2);
        wait_until_not_on_disk("xylophone");
        assert_int_equal(unsetenv("IMAGINED_RECORDER_TEST_DAY_MS"), 0);
        place_close(&user);
}

/* Somebody who writes all the time holds up no picture, and none is lost. */
static void test_locked(void **state)
{
        sqlite3 *db;
        JobRef job;
        (void)state;

        open_alone("");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "a fox", &job);
        assert_int_equal(sqlite3_open(database(&user), &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        draw(bus, "a wolf", &job);
        json_t *all = read_records();
        assert_int_equal(json_array_size(all), 2);
        json_decref(all);
        assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(db);

        /* At the latest when it ends. */
        place_stop_service(&user);
        all = read_records();
        assert_int_equal(json_array_size(all), 4);
        assert_string_equal(text_of(json_array_get(all, 0), "prompt"), "a wolf");
        json_decref(all);
        place_close(&user);
}

static void test_broken(void **state)
{
        char text[2 * PATH_MAX];
        JobRef job;
        (void)state;

        open_alone("");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        (void)snprintf(text, sizeof(text), "d='%s'; mkdir -p $(dirname $d) && yes broken | head -c 9000 >$d", database(&user));
        assert_int_equal(system(text), 0);
        draw(bus, "quetzalcoatl", &job);
        wait_for_log(&user, "Pictures are not recorded");
        _cleanup_(freep) char *log = place_log(&user);
        assert_null(strstr(log, "quetzalcoatl"));
        place_close(&user);
}

static void test_removed(void **state)
{
        char command[PATH_MAX];
        JobRef job;
        (void)state;

        open_alone("");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        draw(bus, "a wolf", &job);
        (void)snprintf(command, sizeof(command), "rm -r '%s/imagined'", user.directory);
        assert_int_equal(system(command), 0);
        draw(bus, "a fox", &job);
        check_pictures(bus, &job);
        place_close(&user);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_pictures_are_recorded, teardown),
                cmocka_unit_test_teardown(test_the_machines_instance_keeps_none, teardown),
                cmocka_unit_test_teardown(test_a_share_of_the_steps, teardown),
                cmocka_unit_test_teardown(test_off, teardown),
                cmocka_unit_test_teardown(test_without_prompts, teardown),
                cmocka_unit_test_teardown(test_limits, teardown),
                cmocka_unit_test_teardown(test_old_ones_go, teardown),
                cmocka_unit_test_teardown(test_locked, teardown),
                cmocka_unit_test_teardown(test_broken, teardown),
                cmocka_unit_test_teardown(test_removed, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a hostile or careless caller meets: limits, each with an error that names it, and a service that goes on. */

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, NULL, "stub", "stub-slow", "stub-slow-load");
}

static void assert_still_serves(sd_bus *bus)
{
        JobRef job;
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
}

static void test_prompts(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char prompt[8194];
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        memset(prompt, 'x', sizeof(prompt) - 1);
        prompt[sizeof(prompt) - 1] = '\0';
        assert_true(generate_error(bus, &job, &error, prompt, 0) < 0);
        assert_non_null(strstr(error.message, "prompt: longer than 8192 bytes"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "negative-prompt", "s", prompt) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);

        assert_true(generate(bus, &job, prompt + 1, 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        uint32_t truncated;
        assert_true(job_u32(bus, job.path, "TruncatedTokens", &truncated) >= 0);
        assert_int_equal(truncated, 5);
        assert_true(generate(bus, &job, "", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(generate(bus, &job, "\xe7\x8b\x90 \xf0\x9f\xa6\x8a", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

static void test_arguments(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate_error(bus, &job, &error, "x", 1, "sed", "t", UINT64_C(1)) < 0);
        assert_non_null(strstr(error.message, "sed: unknown option"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "model", "s", "no-such") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);

        /* Arguments of other types than the method has. */
        assert_true(manager_call(bus, "Generate", &error, NULL, "s", "x") < 0);
        assert_bus_error(&error, SD_BUS_ERROR_INVALID_ARGS);
        assert_true(manager_call(bus, "Generate", &error, NULL, "sa{ss}", "x", 1, "width", "64") < 0);
        assert_bus_error(&error, SD_BUS_ERROR_INVALID_ARGS);
        assert_true(manager_call(bus, "Watch", &error, NULL, "s", "/") < 0);
        assert_bus_error(&error, SD_BUS_ERROR_INVALID_ARGS);

        /* Touches are checked like all other options. */
        assert_true(generate_error(bus, &job, &error, "x", 1, "enlarge", "s", "very much") < 0);
        assert_non_null(strstr(error.message, "enlarge: must be none, lanczos or network"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "sharpen", "d", 1.5) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);

        /* Sizes need not be multiples of anything, even when the model is known. */
        assert_still_serves(bus);
        assert_true(generate_error(bus, &job, &error, "x", 1, "width", "u", 65) >= 0);
        place_stop_service(&place);
}

static void test_ten_thousand_options(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(sd_bus_message_new_method_call(
                            bus, &call, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate") >= 0);
        assert_true(sd_bus_message_append(call, "s", "x") >= 0);
        assert_true(sd_bus_message_open_container(call, 'a', "{sv}") >= 0);
        for (int i = 0; i < 10000; i++)
                assert_true(sd_bus_message_append(call, "{sv}", "width", "u", 64) >= 0);
        assert_true(sd_bus_message_close_container(call) >= 0);
        assert_true(sd_bus_call(bus, call, 0, &error, NULL) < 0);
        assert_non_null(strstr(error.message, "width: given twice"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_still_serves(bus);
        place_stop_service(&place);
}

static void test_paths_that_are_none(void **state)
{
        static const char *const paths[] = {
                IMAGINE_JOB_PREFIX "/x",
                IMAGINE_JOB_PREFIX "/0_0",
                IMAGINE_JOB_PREFIX "/0_01",
                IMAGINE_JOB_PREFIX "/00_1",
                IMAGINE_JOB_PREFIX "/0_1_1",
                IMAGINE_JOB_PREFIX "/0_1/x",
                IMAGINE_JOB_PREFIX "/_1",
                IMAGINE_JOB_PREFIX "/0_",
                IMAGINE_JOB_PREFIX "/0_4294967297",
                IMAGINE_JOB_PREFIX "/4294967296_1",
        };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                assert_true(job_call(bus, paths[i], "Cancel", &error, NULL, NULL) < 0);
                assert_bus_error(&error, SD_BUS_ERROR_UNKNOWN_OBJECT);
        }
        place_stop_service(&place);
}

static void test_jobs(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef first, second, job;
        (void)state;

        place_start_service(&place, "jobs_per_user = 2; finished_per_user = 3; default_model = \"stub-slow\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &first, "x", 1, "steps", "u", 500) >= 0);
        assert_true(generate(bus, &second, "x", 0) >= 0);
        assert_true(generate_error(bus, &job, &error, "x", 0) < 0);
        assert_non_null(strstr(error.message, "jobs_per_user"));
        assert_bus_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED);
        assert_true(job_call(bus, first.path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(generate(bus, &job, "x", 1, "steps", "u", 1) >= 0);
        assert_true(wait_for_state(bus, second.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));

        /* Of those that ended the oldest are forgotten. */
        for (int i = 0; i < 3; i++) {
                assert_true(generate(bus, &job, "x", 1, "steps", "u", 1) >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        }
        assert_true(job_call(bus, second.path, "Cancel", &error, NULL, NULL) < 0);
        assert_bus_error(&error, SD_BUS_ERROR_UNKNOWN_OBJECT);
        place_stop_service(&place);
}

static void test_watchers(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef jobs[3];
        (void)state;

        place_start_service(&place, "watchers_per_user = 2;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *other = place_connect(&place);
        for (int i = 0; i < 3; i++)
                assert_true(generate(bus, &jobs[i], "x", 0) >= 0);
        assert_true(manager_call(bus, "Watch", NULL, NULL, "o", jobs[0].path) >= 0);
        assert_true(manager_call(other, "Watch", NULL, NULL, "o", jobs[1].path) >= 0);
        assert_true(manager_call(bus, "Watch", &error, NULL, "o", jobs[2].path) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED);
        /* A job that is forgotten, and a connection that leaves, make room. */
        assert_true(job_call(bus, jobs[0].path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(manager_call(bus, "Watch", NULL, NULL, "o", jobs[2].path) >= 0);
        (void)bus_close(other);
        while (manager_call(bus, "Watch", NULL, NULL, "o", "/") < 0)
                sleep_ms(5);
        place_stop_service(&place);
}

static void test_results_expire(void **state)
{
        JobRef job;
        char text[64];
        uint64_t expires;
        (void)state;

        place_start_service(&place, "result_seconds = 1; default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        if (sd_bus_get_property_trivial(
                            bus, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "Expires", NULL, 't',
                            &expires) >= 0)
                assert_true(expires > 0);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (job_string(bus, job.path, "State", text) >= 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(10);
        }
        place_stop_service(&place);
}

static void test_results_that_give_way(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef jobs[3], large;
        char name[128];
        (void)state;

        place_start_service(&place, "pictures_per_user = 4; default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (int i = 0; i < 3; i++) {
                assert_true(generate(bus, &jobs[i], "x", 1, "count", "u", 2) >= 0);
                assert_true(wait_for_state(bus, jobs[i].path, IMAGINE_STATE_DONE));
        }
        assert_true(job_call(bus, jobs[0].path, "GetResult", &error, NULL, "u", 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_EXPIRED);
        _cleanup_(closep) int fd = get_result(bus, jobs[1].path, 0, NULL);
        assert_true(fd >= 0);

        assert_true(generate(bus, &large, "x", 1, "count", "u", 5) >= 0);
        assert_true(wait_for_state(bus, large.path, IMAGINE_STATE_FAILED));
        job_error(bus, large.path, name);
        assert_string_equal(name, IMAGINE_ERROR_LIMITS_EXCEEDED);
        assert_still_serves(bus);
        place_stop_service(&place);
}

static int count_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)error;
        if (sd_bus_message_is_method_error(m, IMAGINE_ERROR_LIMITS_EXCEEDED))
                *(unsigned *)userdata += 1;
        return 0;
}

static void test_load_calls(void **state)
{
        unsigned refused = 0;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (int i = 0; i < 10; i++)
                assert_true(sd_bus_call_method_async(
                                    bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "LoadModel",
                                    count_answer, &refused, "s", i % 2 ? "stub" : "stub-slow-load") >= 0);
        assert_true(hear_until(bus, &refused, 6));
        assert_still_serves(bus);
        assert_int_equal(refused, 6);
        place_stop_service(&place);
}

/* A caller who sends a lot and reads nothing costs others nothing. */
static void test_a_caller_that_never_reads(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"stub\"; jobs_per_user = 32;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *deaf = place_connect(&place);
        assert_true(generate(deaf, &job, "x", 0) >= 0);
        assert_true(wait_for_state(deaf, job.path, IMAGINE_STATE_DONE));
        for (int i = 0; i < 3000; i++) {
                assert_true(sd_bus_call_method_async(
                                    deaf, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Describe",
                                    count_answer, NULL, NULL) >= 0);
        }
        assert_true(sd_bus_flush(deaf) >= 0);
        assert_still_serves(bus);
        (void)sd_bus_close_unref(deaf);
        assert_still_serves(bus);
        place_stop_service(&place);
}

/* The bus would stop reading from a service of which 64 descriptors are unread. */
static void test_a_caller_that_never_reads_pictures(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        place_start_service(&place, "default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *deaf = place_connect(&place);
        assert_true(generate(deaf, &job, "x", 0) >= 0);
        assert_true(wait_for_state(deaf, job.path, IMAGINE_STATE_DONE));
        for (int i = 0; i < 300; i++)
                assert_true(sd_bus_call_method_async(
                                    deaf, NULL, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "GetResult",
                                    count_answer, NULL, "u", 0) >= 0);
        assert_true(sd_bus_flush(deaf) >= 0);
        assert_still_serves(bus);
        (void)sd_bus_close_unref(deaf);
        assert_still_serves(bus);
        /* What it left unread does not count any more. */
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        place_stop_service(&place);
}

static int count_picture(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        unsigned *counts = userdata;
        (void)error;
        counts[sd_bus_message_is_method_error(m, NULL) ? 1 : 0]++;
        return 0;
}

/* One that asks for many at once and reads them gets them all. */
static void test_many_pictures_at_once(void **state)
{
        unsigned counts[2] = {};
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 1, "count", "u", 64) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (uint32_t i = 0; i < 100; i++)
                assert_true(sd_bus_call_method_async(
                                    bus, NULL, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "GetResult",
                                    count_picture, counts, "u", i % 64) >= 0);
        assert_true(hear_until(bus, &counts[0], 100));
        assert_int_equal(counts[1], 0);
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prompts),
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_ten_thousand_options),
                cmocka_unit_test(test_paths_that_are_none),
                cmocka_unit_test(test_jobs),
                cmocka_unit_test(test_watchers),
                cmocka_unit_test(test_results_expire),
                cmocka_unit_test(test_results_that_give_way),
                cmocka_unit_test(test_load_calls),
                cmocka_unit_test(test_a_caller_that_never_reads),
                cmocka_unit_test(test_a_caller_that_never_reads_pictures),
                cmocka_unit_test(test_many_pictures_at_once),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

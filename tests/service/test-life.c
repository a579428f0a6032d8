/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of the service: start, reload, stop, a lost bus. */

#include <sys/resource.h>

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, NULL, "stub", "stub-slow", "stub-lingers");
}

static void test_stop_while_at_work(void **state)
{
        Heard heard = {};
        JobRef running, waiting;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &waiting, "x", 0) >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        pid_t worker = place_worker(&place);
        assert_true(worker > 0);

        place_stop_service(&place); /* asserts 0 */
        assert_true(hear_until(bus, &heard.finished, 2));
        assert_string_equal(heard.state, IMAGINE_STATE_FAILED);
        assert_string_equal(heard.error, IMAGINE_ERROR_FAILED);
        assert_true(is_gone(worker));
        assert_false(name_is_owned(bus, IMAGINE_BUS_NAME));
}

/* Also when the worker does not want to. */
static void test_stop_with_a_worker_that_lingers(void **state)
{
        (void)state;
        place_start_service(&place, "default_model = \"stub-lingers\"; preload = true;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(wait_for_model_state(bus, "ready"));
        pid_t worker = place_worker(&place);
        place_stop_service(&place);
        assert_true(is_gone(worker));
}

/* The worker does not outlive a service that is killed. */
static void test_a_killed_service(void **state)
{
        (void)state;
        place_start_service(&place, "default_model = \"stub-lingers\"; preload = true;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(wait_for_model_state(bus, "ready"));
        pid_t worker = place_worker(&place);
        assert_int_equal(kill(place.service, SIGKILL), 0);
        assert_int_equal(wait_for_exit(place.service), 128 + SIGKILL);
        place.service = 0;
        assert_true(is_gone(worker));
}

static void test_lost_bus(void **state)
{
        Place own;
        (void)state;

        place_open_with(&own, "stub-lingers");
        place_start_service(&own, "preload = true;");
        sd_bus *bus = place_connect(&own);
        assert_true(wait_for_model_state(bus, "ready"));
        (void)bus_close(bus);
        pid_t worker = place_worker(&own);

        place_stop_bus(&own);
        int status = wait_for_exit(own.service);
        own.service = 0;
        assert_true(status > 0 && status < 128);
        assert_true(is_gone(worker));
        place_close(&own);
}

static void test_no_bus_at_all(void **state)
{
        Place none;
        (void)state;

        place_open(&none);
        place_write_config(&none, "");
        place_stop_bus(&none);
        place_spawn_service(&none);
        int status = wait_for_exit(none.service);
        none.service = 0;
        assert_int_equal(status, 1);
        place_close(&none);
}

static void test_a_second_service(void **state)
{
        (void)state;
        place_start_service(&place, "");
        pid_t first = place.service;
        place_spawn_service(&place);
        assert_int_equal(wait_for_exit(place.service), 1);
        place.service = first;
        place_stop_service(&place);
}

static void assert_leaves_no_core(pid_t pid)
{
        struct rlimit core;
        assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &core), 0);
        assert_int_equal(core.rlim_max, 0);
}

/* Prompts are in its memory, and in its workers'. */
static void test_no_core_files(void **state)
{
        (void)state;

        place_start_service(&place, "default_model = \"stub\"; preload = true;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(wait_for_model_state(bus, "ready"));
        assert_leaves_no_core(place.service);
        assert_leaves_no_core(place_worker(&place));
        place_stop_service(&place);
}

static void test_faulty_configuration_at_start(void **state)
{
        (void)state;
        place_write_config(&place, "jobs_total = \"many\";\n");
        place_spawn_service(&place);
        assert_int_equal(wait_for_exit(place.service), 78);
        place.service = 0;
        _cleanup_(freep) char *log = place_log(&place);
        assert_non_null(strstr(log, "imagined.conf:6: jobs_total must be a whole number"));
}

static bool describes(sd_bus *bus, const char *text)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *json;

        assert_true(manager_call(bus, "Describe", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &json) >= 0);
        return strstr(json, text) != NULL;
}

static void test_reload(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "jobs_total = 11;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 20) >= 0);
        assert_true(describes(bus, "\"jobs_total\": 11"));

        place_write_config(&place, "jobs_total = 12;\nnonsense = 1;");
        assert_int_equal(kill(place.service, SIGHUP), 0);
        wait_for_log(&place, "imagined.conf:7: nonsense is no key");
        wait_for_log(&place, "The old configuration stays in force");
        assert_true(describes(bus, "\"jobs_total\": 11"));

        place_write_config(&place, "jobs_total = 12;");
        assert_int_equal(kill(place.service, SIGHUP), 0);
        wait_for_log(&place, "The configuration was read again");
        assert_true(describes(bus, "\"jobs_total\": 12"));
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

/* The next worker is the one that the new configuration names. */
static void test_a_program_that_is_none(void **state)
{
        char path[PATH_MAX], text[PATH_MAX], name[128];
        JobRef job;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)snprintf(path, sizeof(path), "%s/imagined.conf", place.directory);
        (void)snprintf(
                        text, sizeof(text), "models = [\"%s/models\"];\nworker = \"/nonexistent/engine\";\n",
                        place.directory);
        write_file(path, text);
        assert_int_equal(kill(place.service, SIGHUP), 0);
        wait_for_log(&place, "The configuration was read again");

        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_FAILED));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_FAILED);
        wait_for_log(&place, "The engine /nonexistent/engine cannot be run");
        assert_true(wait_for_model_state(bus, "failed"));
        place_stop_service(&place);
}

static void test_memory_is_small(void **state)
{
        char path[64], line[256];
        unsigned long kib = 0;
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (int i = 0; i < 30; i++) {
                assert_true(generate(bus, &job, "x", 1, "count", "u", 4) >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        }
        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)place.service);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                (void)sscanf(line, "VmRSS: %lu", &kib);
        (void)fclose(file);
        print_message("service: %lu KiB\n", kib);
        assert_true(kib > 0);
#if !defined(__SANITIZE_ADDRESS__)
        if (!getenv("IMAGINED_WRAPPER"))
                assert_true(kib < 12 * 1024);
#endif
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stop_while_at_work),
                cmocka_unit_test(test_stop_with_a_worker_that_lingers),
                cmocka_unit_test(test_a_killed_service),
                cmocka_unit_test(test_lost_bus),
                cmocka_unit_test(test_no_bus_at_all),
                cmocka_unit_test(test_a_second_service),
                cmocka_unit_test(test_no_core_files),
                cmocka_unit_test(test_faulty_configuration_at_start),
                cmocka_unit_test(test_reload),
                cmocka_unit_test(test_a_program_that_is_none),
                cmocka_unit_test(test_memory_is_small),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

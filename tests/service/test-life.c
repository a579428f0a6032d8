/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of the service and of the model in it: start, reload, stop, a lost bus, loading and unloading. */

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, NULL, "stub", "stub-slow", "stub-slow-load", "stub-lingers");
}

static char *resident_model(sd_bus *bus)
{
        char *model = NULL;
        assert_true(sd_bus_get_property_string(
                            bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "ResidentModel", NULL,
                            &model) >= 0);
        return model;
}

static bool is_gone(pid_t pid)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(5))
                if (kill(pid, 0) < 0)
                        return true;
        return false;
}

/* Pages that a process has in memory; 0 when it has ended. */
static unsigned long resident_pages(pid_t pid)
{
        char path[64];
        unsigned long pages = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
        FILE *file = fopen(path, "re");
        if (file) {
                IGNORE(fscanf(file, "%*u %lu", &pages));
                (void)fclose(file);
        }
        return pages;
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
        assert_false(name_is_owned(bus));
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

static void test_faulty_configuration_at_start(void **state)
{
        (void)state;
        place_write_config(&place, "jobs_total = \"many\";\n");
        place_spawn_service(&place);
        assert_int_equal(wait_for_exit(place.service), 78);
        place.service = 0;
        _cleanup_(freep) char *log = place_log(&place);
        assert_non_null(strstr(log, "imagined.conf:3: jobs_total must be a whole number"));
}

static void wait_for_log(const char *text)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;;) {
                _cleanup_(freep) char *log = place_log(&place);
                if (strstr(log, text))
                        return;
                if (clock_usec(CLOCK_MONOTONIC) > end)
                        fail_msg("the log does not say '%s':\n%s", text, log);
                sleep_ms(10);
        }
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
        wait_for_log("imagined.conf:4: nonsense is no key");
        wait_for_log("The old configuration stays in force");
        assert_true(describes(bus, "\"jobs_total\": 11"));

        place_write_config(&place, "jobs_total = 12;");
        assert_int_equal(kill(place.service, SIGHUP), 0);
        wait_for_log("The configuration was read again");
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
        wait_for_log("The configuration was read again");

        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_FAILED));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_FAILED);
        wait_for_log("The engine /nonexistent/engine cannot be run");
        assert_true(wait_for_model_state(bus, "failed"));
        place_stop_service(&place);
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        char *log = userdata;
        const char *interface, *key, *value;
        (void)error;

        assert_true(sd_bus_message_read(m, "s", &interface) >= 0);
        assert_string_equal(interface, IMAGINE_MANAGER_INTERFACE);
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
        while (sd_bus_message_read(m, "{sv}", &key, "s", &value) > 0)
                (void)snprintf(log + strlen(log), 512 - strlen(log), "%s=%s ", key, value);
        return 0;
}

static void test_loading_and_unloading(void **state)
{
        char log[512] = "";
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(sd_bus_match_signal(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, "org.freedesktop.DBus.Properties",
                            "PropertiesChanged", on_properties, log) >= 0);
        assert_int_equal(place_worker(&place), 0);
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);

        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub") >= 0);
        pid_t first = place_worker(&place);
        assert_true(first > 0);
        _cleanup_(freep) char *model = resident_model(bus);
        assert_string_equal(model, "stub");
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub") >= 0);
        assert_int_equal(place_worker(&place), first);

        /* Another model is another process, and the first one is gone. */
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub-slow") >= 0);
        assert_true(is_gone(first));
        pid_t second = place_worker(&place);
        assert_true(second > 0);

        assert_true(generate(bus, &job, "x", 1, "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_true(manager_call(bus, "UnloadModel", &error, NULL, NULL) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_BUSY);
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
        while (manager_call(bus, "UnloadModel", NULL, NULL, NULL) < 0)
                sleep_ms(5);
        assert_int_equal(resident_pages(second), 0); /* before the answer; it may yet have to be reaped */
        assert_true(is_gone(second));
        _cleanup_(freep) char *none = resident_model(bus);
        assert_string_equal(none, "");

        hear_what_came(bus);
        assert_string_equal(
                        log, "State=loading ResidentModel=stub State=ready State=loading ResidentModel=stub-slow "
                             "State=ready State=unloaded ResidentModel= ");
        place_stop_service(&place);
}

static int on_load_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        char *result = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        (void)error;

        (void)snprintf(result, 128, "%s", e ? e->name : "ok");
        return 0;
}

static void test_unloading_while_loading(void **state)
{
        char result[128] = "";
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        place_hold(&place, 0);
        assert_true(sd_bus_call_method_async(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "LoadModel",
                            on_load_answer, result, "s", "stub-slow-load") >= 0);
        assert_true(wait_for_model_state(bus, "loading"));
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        hear_what_came(bus);
        assert_string_equal(result, IMAGINE_ERROR_CANCELLED);
        place_release(&place);
        assert_int_equal(place_worker(&place), 0);
        place_stop_service(&place);
}

static void test_idle_and_keep_alive(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "idle_unload_seconds = 1; default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_model_state(bus, "unloaded")); /* by default it would take minutes */

        /* A minute is asked for: after two seconds and more it is still there. */
        assert_true(generate(bus, &job, "x", 1, "keep-alive", "t", UINT64_C(60)) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        sleep_ms(2500);
        _cleanup_(freep) char *model = resident_model(bus);
        assert_string_equal(model, "stub");
        place_stop_service(&place);
}

static void test_preload(void **state)
{
        (void)state;
        place_start_service(&place, "preload = true; default_model = \"stub\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(wait_for_model_state(bus, "ready"));
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
                cmocka_unit_test(test_faulty_configuration_at_start),
                cmocka_unit_test(test_reload),
                cmocka_unit_test(test_a_program_that_is_none),
                cmocka_unit_test(test_loading_and_unloading),
                cmocka_unit_test(test_unloading_while_loading),
                cmocka_unit_test(test_idle_and_keep_alive),
                cmocka_unit_test(test_preload),
                cmocka_unit_test(test_memory_is_small),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

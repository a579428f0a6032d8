/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Models come into memory and leave it: LoadModel and UnloadModel, idle times, preloading. */

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

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        char *result = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        (void)error;

        (void)snprintf(result, 128, "%s", e ? e->name : "ok");
        return 0;
}

static bool wait_for_answer(sd_bus *bus, const char *result)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (!*result && clock_usec(CLOCK_MONOTONIC) < end)
                if (sd_bus_process(bus, NULL) == 0)
                        (void)sd_bus_wait(bus, 100 * USEC_PER_MSEC);
        return *result;
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
                            on_answer, result, "s", "stub-slow-load") >= 0);
        assert_true(wait_for_model_state(bus, "loading"));
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        hear_what_came(bus);
        assert_string_equal(result, IMAGINE_ERROR_CANCELLED);
        place_release(&place);
        assert_int_equal(place_worker(&place), 0);
        place_stop_service(&place);
}

/* The next model is wished for while the old one's worker still ends: the call is answered for the one that it was meant for. */
static void test_unloading_before_the_next(void **state)
{
        char unloaded[128] = "", loaded[128] = "";
        (void)state;

        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub-lingers") >= 0);
        pid_t first = place_worker(&place);
        place_hold(&place, 0);
        assert_true(sd_bus_call_method_async(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "UnloadModel",
                            on_answer, unloaded, NULL) >= 0);
        assert_true(sd_bus_call_method_async(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "LoadModel",
                            on_answer, loaded, "s", "stub-slow-load") >= 0);
        assert_true(wait_for_answer(bus, unloaded));
        assert_string_equal(unloaded, "ok");
        assert_true(is_gone(first));
        place_release(&place);
        assert_true(wait_for_answer(bus, loaded));
        assert_string_equal(loaded, "ok");
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_loading_and_unloading),
                cmocka_unit_test(test_unloading_while_loading),
                cmocka_unit_test(test_unloading_before_the_next),
                cmocka_unit_test(test_idle_and_keep_alive),
                cmocka_unit_test(test_preload),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

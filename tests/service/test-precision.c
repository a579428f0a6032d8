/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The key `precision`: which the engine is told, and whose instance's counts. */

#include "forward.h"

/* What the resident model says that it draws in. */
static void assert_precision(sd_bus *bus, const char *wanted)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *key, *precision = "";

        assert_true(manager_call(bus, "ListModels", NULL, &m, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(m, 'a', "(sa{sv})") > 0);
        while (sd_bus_message_enter_container(m, 'r', "sa{sv}") > 0) {
                assert_true(sd_bus_message_skip(m, "s") >= 0);
                assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
                while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                        assert_true(sd_bus_message_read(m, "s", &key) > 0);
                        if (streq(key, "precision"))
                                assert_true(sd_bus_message_read(m, "v", "s", &precision) > 0);
                        else
                                assert_true(sd_bus_message_skip(m, "v") >= 0);
                        assert_true(sd_bus_message_exit_container(m) > 0);
                }
                assert_true(sd_bus_message_exit_container(m) > 0);
                assert_true(sd_bus_message_exit_container(m) > 0);
        }
        assert_string_equal(precision, wanted);
}

static void assert_loads_in(sd_bus *bus, const char *wanted)
{
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_model_state(bus, "unloaded"));
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub") >= 0);
        assert_true(wait_for_model_state(bus, "ready"));
        assert_precision(bus, wanted);
}

/* Until the log has said it so many times. */
static void wait_for_lines(const char *text, unsigned times)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;; sleep_ms(10)) {
                _cleanup_(freep) char *log = place_log(&machine);
                unsigned n = 0;
                for (const char *p = log; (p = strstr(p, text)); p++)
                        n++;
                if (n >= times)
                        return;
                if (clock_usec(CLOCK_MONOTONIC) > end)
                        fail_msg("The log does not say '%s' %u times: %s", text, times, log);
        }
}

static void reload(const char *settings)
{
        place_write_config(&machine, settings);
        assert_int_equal(kill(machine.service, SIGHUP), 0);
}

static void test_reload(void **state)
{
        (void)state;

        place_open_with(&machine, "stub");
        place_start_service(&machine, "precision = \"int8\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&machine);
        assert_loads_in(bus, "int8");

        /* A value that is none changes nothing. */
        reload("precision = \"f16\";");
        wait_for_lines("precision must be auto, f32, bf16 or int8", 1);
        wait_for_lines("The old configuration stays in force", 1);
        assert_loads_in(bus, "int8");

        /* Another holds from the next load on. */
        reload("precision = \"f32\";");
        wait_for_lines("The configuration was read again", 1);
        assert_precision(bus, "int8");
        assert_loads_in(bus, "f32");
        reload("");
        wait_for_lines("The configuration was read again", 2);
        assert_loads_in(bus, "auto");
        place_close(&machine);
}

static int picture_in(sd_bus *bus, const char *precision)
{
        JobRef job;

        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub", "seed", "t", UINT64_C(5), "precision", "s", precision) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        return fd;
}

/* The key of the instance that draws; the job's own goes before it. */
static void test_forwarding(void **state)
{
        (void)state;

        open_both("precision = \"bf16\";", "precision = \"int8\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        _cleanup_(closep) int open = picture_in(bus, "auto"), bf16 = picture_in(bus, "bf16"), int8 = picture_in(bus, "int8");
        assert_true(are_same(open, bf16));
        assert_false(are_same(open, int8));
        assert_precision(system_bus, "bf16");
        assert_false(has_worker(&user));
        close_both();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_reload, teardown),
                cmocka_unit_test_teardown(test_forwarding, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of forwarded jobs when a worker there, or the machine's instance, dies or is not there at all. */

#include "forward.h"

/* A worker that dies there is the machine's affair. */
static void test_a_worker_dies_there(void **state)
{
        JobRef job;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-dies-once") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        close_both();
}

/* What was fetched stays; the rest is made again, by whoever can. */
static void test_the_instance_dies(void **state)
{
        Heard heard = {};
        JobRef job;
        uint32_t pictures = 0;
        (void)state;

        open_both("", "");
        place_add_model(&user, "stub");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        listen_to_jobs(bus, &heard);
        place_hold_from(&machine, 1, 2); /* in the second picture */
        assert_true(generate(
                                    bus, &job, "x", 4, "model", "s", "stub-slow", "steps", "u", 4, "count", "u", 3, "seed",
                                    "t", UINT64_C(7)) >= 0);
        while (pictures < 1)
                assert_true(job_u32(bus, job.path, "Pictures", &pictures) >= 0);
        kill_service(&machine);
        place_release(&machine);
        place_start_service(&machine, "");
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 3);
        for (uint32_t i = 0; i < 3; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                const char *key;
                uint64_t seed = 0;
                assert_true(job_call(bus, job.path, "GetResult", NULL, &reply, "u", i) >= 0);
                assert_true(sd_bus_message_skip(reply, "h") >= 0);
                assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
                assert_true(sd_bus_message_enter_container(reply, 'e', "sv") > 0);
                assert_true(sd_bus_message_read(reply, "sv", &key, "t", &seed) >= 0);
                assert_string_equal(key, "seed");
                assert_int_equal(seed, 7 + i);
        }

        /* A second death ends the job, as a worker's would. */
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        for (int i = 0; i < 2; i++) {
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
                kill_service(&machine);
                if (i == 0)
                        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_QUEUED));
                place_start_service(&machine, "");
        }
        char name[128];
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_true(strlen(name) > 0);
        close_both();
}

/* Takes the name of the machine's instance, and leaves with the first question unanswered. */
static void come_and_leave(void)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                sd_bus *bus = place_connect(&machine);
                CHECK(sd_bus_request_name(bus, IMAGINE_BUS_NAME, 0) >= 0);
                for (;;) {
                        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
                        int r = sd_bus_process(bus, &message);
                        CHECK(r >= 0);
                        if (message && sd_bus_message_is_method_call(message, IMAGINE_MANAGER_INTERFACE, "ListModels"))
                                _exit(0);
                        if (r == 0)
                                (void)sd_bus_wait(bus, UINT64_MAX);
                }
        }
        assert_int_equal(wait_for_exit(pid), 0);
}

/* What it was asked when it left is not answered: jobs wait nevertheless until it is back. */
static void test_it_leaves_without_an_answer(void **state)
{
        JobRef job;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        kill_service(&machine);
        for (int i = 0; i < 3; i++)
                come_and_leave();
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        place_start_service(&machine, "");
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_false(has_worker(&user));
        close_both();
}

/* With auto the own worker takes over where it can, with system it says what is missing. */
static void test_without_a_machines_instance(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_open(&machine); /* a bus, and nobody on it */
        place_open_bus(&user, true);
        user.system_address = machine.address;
        place_add_model(&user, "stub");
        place_start_service(&user, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(has_worker(&user));
        place_stop_service(&user);

        place_start_service(&user, "engine = \"system\";");
        assert_true(generate_error(bus, &job, &error, "x", 0) < 0);
        assert_non_null(strstr(error.message, "machine's instance"));
        sd_bus_error_free(&error);
        /* It is found when it comes. */
        place_add_model(&machine, "stub");
        place_start_service(&machine, "");
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (generate(bus, &job, "x", 0) < 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(10);
        }
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_false(has_worker(&user));
        place_stop_service(&user);

        place_start_service(&user, "engine = \"own\";");
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(has_worker(&user));
        close_both();
}

/* With auto a death in the middle of a job, and nobody who starts it again: the own worker goes on. */
static void test_falling_back(void **state)
{
        JobRef job;
        uint32_t pictures = 0;
        (void)state;

        place_open_with(&machine, "stub-slow");
        place_start_service(&machine, "");
        place_open_bus(&user, true);
        user.system_address = machine.address;
        /* The same folder, so that it is the same model. */
        char here[PATH_MAX], there[PATH_MAX];
        (void)snprintf(here, sizeof(here), "%s/models", user.directory);
        (void)snprintf(there, sizeof(there), "%s/models", machine.directory);
        assert_int_equal(rmdir(here), 0);
        assert_int_equal(symlink(there, here), 0);
        place_start_service(&user, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        place_hold_from(&machine, 1, 2); /* in the second picture */
        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub-slow", "steps", "u", 4, "count", "u", 3) >= 0);
        while (pictures < 1)
                assert_true(job_u32(bus, job.path, "Pictures", &pictures) >= 0);
        assert_false(has_worker(&user));
        kill_service(&machine);
        place_release(&machine);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(has_worker(&user));
        assert_true(job_u32(bus, job.path, "Pictures", &pictures) >= 0);
        assert_int_equal(pictures, 3);
        close_both();
}

/* Where only a bus's socket lies: another one that is started there has another id. */
static void open_user_of_any_bus(const char *settings)
{
        static char address[sizeof(machine.address)];

        (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(machine.address, ","), machine.address);
        place_open_bus(&user, true);
        place_add_model(&user, "stub");
        user.system_address = address;
        place_start_service(&user, settings);
}

static void wait_for_machine(sd_bus *bus, const char *engine)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        for (;; sleep_ms(20)) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                const char *text;
                char wanted[64];

                assert_true(manager_call(bus, "Describe", NULL, &reply, NULL) >= 0);
                assert_true(sd_bus_message_read(reply, "s", &text) >= 0);
                (void)snprintf(wanted, sizeof(wanted), "\"engine\": \"%s\"", engine);
                if (strstr(text, wanted))
                        return;
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        }
}

/* The system bus goes, and with it the machine's instance: until it is back the own worker draws, and then nobody has to call or
 * configure anything for it to be used again. */
static void test_the_system_bus_is_lost(void **state)
{
        JobRef job;
        (void)state;

        place_open_with(&machine, "stub", "stub-slow");
        place_start_service(&machine, "");
        open_user_of_any_bus("idle_unload_seconds = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-slow") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_false(has_worker(&user));
        for (int i = 0; i < 2; i++) {
                place_stop_bus(&machine);
                assert_true(wait_for_exit(machine.service) >= 0);
                machine.service = 0;
                wait_for_machine(bus, "own");
                assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
                assert_true(has_worker(&user));

                place_start_bus(&machine);
                place_start_service(&machine, "");
                wait_for_machine(bus, "system");
                assert_true(wait_for_model_state(bus, "unloaded"));
                assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-slow") >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
                assert_false(has_worker(&user));
        }
        close_both();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_a_worker_dies_there, teardown),
                cmocka_unit_test_teardown(test_the_instance_dies, teardown),
                cmocka_unit_test_teardown(test_it_leaves_without_an_answer, teardown),
                cmocka_unit_test_teardown(test_without_a_machines_instance, teardown),
                cmocka_unit_test_teardown(test_falling_back, teardown),
                cmocka_unit_test_teardown(test_the_system_bus_is_lost, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

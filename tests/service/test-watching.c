/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who hears of a job: its caller, until it leaves, and those of the same user that asked to. */

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, "default_model = \"stub\";", "stub", "stub-slow");
}

static bool job_exists(sd_bus *bus, const char *path)
{
        char text[64];
        return job_string(bus, path, "State", text) >= 0;
}

static void test_a_caller_that_leaves(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *other = place_connect(&place);
        Heard heard = {};
        JobRef running, waiting, detached;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(manager_call(bus, "Watch", NULL, NULL, "o", "/") >= 0);
        assert_true(generate(other, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(other, &waiting, "x", 0) >= 0);
        assert_true(generate(other, &detached, "x", 3, "detach", "b", true, "steps", "u", 2, "count", "u", 2) >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        (void)bus_close(other);

        /* Two are cancelled and gone, the third one runs and stays. */
        assert_true(hear_until(bus, &heard.finished, 3));
        assert_false(job_exists(bus, running.path));
        assert_false(job_exists(bus, waiting.path));
        assert_true(wait_for_state(bus, detached.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, detached.path, 1, NULL);
        assert_true(fd >= 0);
}

static void test_a_finished_job_leaves_with_its_caller(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *other = place_connect(&place);
        JobRef job;
        (void)state;

        assert_true(generate(other, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        (void)bus_close(other);
        while (job_exists(bus, job.path))
                sleep_ms(5);
}

static void test_watching(void **state)
{
        _cleanup_(bus_closep) sd_bus *caller = place_connect(&place), *watcher = place_connect(&place),
                                      *bystander = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard by_caller = {}, by_watcher = {}, by_bystander = {};
        JobRef job, other;
        (void)state;

        listen_to_jobs(caller, &by_caller);
        listen_to_jobs(watcher, &by_watcher);
        listen_to_jobs(bystander, &by_bystander);
        place_hold(&place, 2);
        assert_true(generate(caller, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 8) >= 0);
        /* Twice is once; all and one is once. */
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", job.path) >= 0);
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", job.path) >= 0);
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", "/") >= 0);
        assert_true(manager_call(caller, "Watch", NULL, NULL, "o", "/") >= 0);
        place_release(&place);
        assert_true(hear_until(caller, &by_caller.finished, 1));
        assert_true(hear_until(watcher, &by_watcher.finished, 1));

        /* A job to come is heard too, until it is enough. */
        assert_true(generate(caller, &other, "x", 0) >= 0);
        assert_true(hear_until(watcher, &by_watcher.finished, 2));
        assert_string_equal(by_watcher.path, other.path);
        assert_true(manager_call(watcher, "Unwatch", NULL, NULL, "o", "/") >= 0);
        assert_true(generate(caller, &other, "x", 0) >= 0);
        assert_true(hear_until(caller, &by_caller.finished, 3));
        hear_what_came(caller);
        hear_what_came(watcher);
        hear_what_came(bystander);
        assert_int_equal(by_caller.finished, 3);
        assert_int_equal(by_watcher.finished, 2);
        assert_int_equal(by_bystander.total, 0);

        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", "/org/imagined/Imagine1") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", IMAGINE_JOB_PREFIX "/0_999999") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", IMAGINE_JOB_PREFIX "/0_99999999999999999999") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Unwatch", NULL, NULL, "o", "/no/such/thing") >= 0);
}

typedef struct Subscriber {
        sd_bus *bus;
        Heard all, late; /* from the beginning; once the object is known */
        char state[64]; /* as the properties have it then */
} Subscriber;

/* Only now it is known which object that is. */
static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Subscriber *s = userdata;
        const char *path;
        (void)error;

        assert_false(sd_bus_message_is_method_error(m, NULL));
        assert_true(sd_bus_message_read(m, "uo", NULL, &path) >= 0);
        assert_int_equal(s->all.total, 0);
        assert_true(sd_bus_match_signal(s->bus, NULL, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, NULL, on_job_signal, &s->late) >= 0);
        assert_true(job_string(s->bus, path, "State", s->state) >= 0);
        return 0;
}

/* However soon a job ends, none of its signals overtakes the answer; and who subscribes only then finds in the properties
 * what it has missed. */
static void test_the_answer_comes_first(void **state)
{
        static const char *const members[] = { "Generate", "Enhance" };
        (void)state;

        for (unsigned i = 0; i < 20; i++) {
                _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
                Subscriber s = { .bus = bus };

                listen_to_jobs(bus, &s.all);
                assert_true(sd_bus_call_method_async(bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE,
                                                     members[i % 2], on_answer, &s, "sa{sv}", "a fox", 0) >= 0);
                assert_true(hear_until(bus, &s.all.finished, 1));
                assert_int_equal(strncmp(s.all.states, "queued ", 7), 0);
                assert_true(s.late.finished == 1 || streq(s.state, IMAGINE_STATE_DONE));
        }
}

static void test_updates_are_few(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        uint64_t begin = clock_usec(CLOCK_MONOTONIC);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 30) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        uint64_t quarters = (clock_usec(CLOCK_MONOTONIC) - begin) / (USEC_PER_SEC / 4);
        /* One for each state, one for each quarter of a second. */
        assert_true(heard.updated >= 4);
        assert_true(heard.updated <= 4 + quarters + 1);
}

/* Those that come before it move it back and forth, which it is told of once a second. */
static void test_updates_of_waiting_jobs_are_fewer(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place), *others = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        place_hold(&place, 0);
        assert_true(generate(others, &job, "x", 1, "model", "s", "stub-slow") >= 0);
        assert_true(wait_for_state(others, job.path, IMAGINE_STATE_RUNNING));
        listen_to_jobs(bus, &heard);
        uint64_t begin = clock_usec(CLOCK_MONOTONIC);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "priority", "s", "batch") >= 0);
        for (int i = 0; i < 100; i++) {
                JobRef before;
                assert_true(generate(others, &before, "x", 1, "model", "s", "stub-slow") >= 0);
                sleep_ms(20);
                assert_true(job_call(others, before.path, "Release", NULL, NULL, NULL) >= 0);
        }
        hear_what_came(bus);
        uint64_t seconds = (clock_usec(CLOCK_MONOTONIC) - begin) / USEC_PER_SEC;
        assert_true(heard.updated >= 2);
        assert_true(heard.updated <= 1 + seconds + 1);
        place_release(&place);
}

/* While the bus does not get around to it, nothing more is put into its socket: what lies there is ahead of every answer. */
static void test_updates_wait_for_the_bus(void **state)
{
        sd_bus *watchers[40];
        Heard heard[40] = {};
        unsigned updates = 0, before = 0;
        JobRef job;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(watchers); i++) {
                watchers[i] = place_connect(&place);
                listen_to_jobs(watchers[i], &heard[i]);
                assert_true(manager_call(watchers[i], "Watch", NULL, NULL, "o", "/") >= 0);
        }
        place_hold(&place, 0);
        assert_true(generate(watchers[0], &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(watchers[0], job.path, IMAGINE_STATE_RUNNING));
        for (size_t i = 0; i < ELEMENTSOF(watchers); i++) {
                hear_what_came(watchers[i]);
                before += heard[i].updated;
        }
        assert_int_equal(kill(place.bus, SIGSTOP), 0);
        place_release(&place);
        sleep_ms(3000);
        place_hold(&place, 0);
        assert_int_equal(kill(place.bus, SIGCONT), 0);
        for (size_t i = 0; i < ELEMENTSOF(watchers); i++) {
                hear_what_came(watchers[i]);
                updates += heard[i].updated;
                (void)bus_close(watchers[i]);
        }
        /* Without that it would be one for each in each quarter of a second. */
        if (updates - before > 6 * ELEMENTSOF(watchers))
                fail_msg("%u updates", updates - before);
        place_release(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_caller_that_leaves),
                cmocka_unit_test(test_a_finished_job_leaves_with_its_caller),
                cmocka_unit_test(test_watching),
                cmocka_unit_test(test_the_answer_comes_first),
                cmocka_unit_test(test_updates_are_few),
                cmocka_unit_test(test_updates_of_waiting_jobs_are_fewer),
                cmocka_unit_test(test_updates_wait_for_the_bus),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs that give way, with the real engine. */

#include "inputs.h"

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, "default_model = \"tiny\"; threads = 1; jobs_per_user = 100;");
}

/* Also on a fast machine what others see of it is not over before they do something about it. */
#define LONG_JOB "steps", "u", 300, "width", "u", 64, "height", "u", 64, "seed", "t", UINT64_C(7)
#define SHORT_JOB "steps", "u", 3, "width", "u", 128, "height", "u", 128, "seed", "t", UINT64_C(7)
/* Nobody waits for its end. */
#define VERY_LONG_JOB "steps", "u", 500, "width", "u", 128, "height", "u", 128

static void assert_same_bytes(int a, int b)
{
        struct stat one = {}, other = {};

        assert_true(fstat(a, &one) == 0 && fstat(b, &other) == 0);
        assert_int_equal(one.st_size, other.st_size);
        void *p = mmap(NULL, (size_t)one.st_size, PROT_READ, MAP_PRIVATE, a, 0);
        void *q = mmap(NULL, (size_t)one.st_size, PROT_READ, MAP_PRIVATE, b, 0);
        assert_true(p != MAP_FAILED && q != MAP_FAILED);
        assert_memory_equal(p, q, (size_t)one.st_size);
        (void)munmap(p, (size_t)one.st_size);
        (void)munmap(q, (size_t)one.st_size);
}

static uint64_t ended_before(sd_bus *bus, const char *path)
{
        uint64_t expires = 0;
        assert_true(sd_bus_get_property_trivial(
                            bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "Expires", NULL, 't', &expires) >= 0);
        return expires;
}

/* One picture asked for interactively while fifty wait: it is the next, the one at work is parked, and has the bytes in the
 * end that it has when nobody disturbs it. */
static void test_interactive_comes_first(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef alone = {}, parked = {}, others[50] = {}, urgent = {};
        char stage[64];
        (void)state;

        assert_true(generate(bus, &alone, "a fox", 4, LONG_JOB) >= 0);
        assert_true(wait_for_state(bus, alone.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int whole = get_result(bus, alone.path, 0, NULL);
        pid_t worker = place_worker(&place);
        assert_true(worker > 0);

        assert_true(generate(bus, &parked, "a fox", 5, LONG_JOB, "priority", "s", "batch") >= 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_true(generate(bus, &others[i], "a fox", 2, "steps", "u", 1, "priority", "s", "batch") >= 0);
        (void)wait_for_step(bus, parked.path, 3);
        assert_int_equal(kill(worker, SIGSTOP), 0); /* it does not end before the other one has come */
        assert_true(generate(bus, &urgent, "a cat", 4, VERY_LONG_JOB, "priority", "s", "interactive") >= 0);
        assert_int_equal(kill(worker, SIGCONT), 0);
        assert_true(wait_for_state(bus, urgent.path, IMAGINE_STATE_RUNNING));
        assert_true(job_string(bus, parked.path, "Stage", stage) >= 0);
        assert_string_equal(stage, IMAGINE_STAGE_PARKED);
        assert_true(job_string(bus, parked.path, "State", stage) >= 0);
        assert_string_equal(stage, IMAGINE_STATE_QUEUED);

        assert_true(job_call(bus, urgent.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, urgent.path, IMAGINE_STATE_CANCELLED));
        assert_true(wait_for_state(bus, parked.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, others[49].path, IMAGINE_STATE_DONE));
        assert_true(ended_before(bus, parked.path) < ended_before(bus, others[0].path));

        _cleanup_(closep) int after = get_result(bus, parked.path, 0, NULL);
        assert_true(whole >= 0 && after >= 0);
        assert_same_bytes(whole, after);
}

/* The one that comes after another. */
static pid_t wait_for_worker(pid_t before)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(5)) {
                pid_t worker = place_worker(&place);
                if (worker > 0 && worker != before)
                        return worker;
        }
        fail_msg("no worker comes after %d", (int)before);
        return 0;
}

/* The worker is killed while the job draws: the job loses nothing but the time. */
static void test_a_killed_worker_costs_nothing(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef alone = {}, job = {};
        char name[128];
        (void)state;

        assert_true(generate(bus, &alone, "a fox", 5, LONG_JOB, "count", "u", 2) >= 0);
        assert_true(wait_for_state(bus, alone.path, IMAGINE_STATE_DONE));
        pid_t first = place_worker(&place);
        assert_true(first > 0);
        assert_true(generate(bus, &job, "a fox", 5, LONG_JOB, "count", "u", 2) >= 0);
        (void)wait_for_step(bus, job.path, 5);
        assert_int_equal(kill(first, SIGKILL), 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (uint32_t i = 0; i < 2; i++) {
                _cleanup_(closep) int whole = get_result(bus, alone.path, i, NULL);
                _cleanup_(closep) int after = get_result(bus, job.path, i, NULL);
                assert_true(whole >= 0 && after >= 0);
                assert_same_bytes(whole, after);
        }

        /* The second death is the end of it. */
        assert_true(generate(bus, &job, "a fox", 3, VERY_LONG_JOB) >= 0);
        pid_t worker = 0;
        for (int i = 0; i < 2; i++) {
                worker = wait_for_worker(worker);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
                assert_int_equal(kill(worker, SIGKILL), 0);
        }
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_WORKER_DIED);
}

/* Kills the engine when the job is at that stage (or has that state), and waits for the end. False: that came before. */
static bool kill_at(sd_bus *bus, const char *stage, int wanted)
{
        char now[64], text[64];
        JobRef job;

        if (streq(stage, IMAGINE_STATE_LOADING))
                assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_true(generate(bus, &job, "a fox", 4, SHORT_JOB) >= 0);
        do {
                assert_true(job_string(bus, job.path, "Stage", now) >= 0);
                assert_true(job_string(bus, job.path, "State", text) >= 0);
        } while (!streq(now, stage) && !streq(text, stage) && !state_is_final(text));
        pid_t worker = state_is_final(text) ? 0 : place_worker(&place);
        bool killed = worker > 0 && kill(worker, SIGKILL) == 0;
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int made = get_result(bus, job.path, 0, NULL);
        assert_true(made >= 0);
        assert_same_bytes(wanted, made);
        return killed;
}

static void test_killed_at_each_stage(void **state)
{
        static const char *const stages[] = { IMAGINE_STATE_LOADING, "denoise", "decode" };
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef alone;
        (void)state;

        assert_true(generate(bus, &alone, "a fox", 4, SHORT_JOB) >= 0);
        assert_true(wait_for_state(bus, alone.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int wanted = get_result(bus, alone.path, 0, NULL);
        assert_true(wanted >= 0);
        for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                for (int tries = 0; !kill_at(bus, stages[i], wanted); tries++) /* some are short */
                        if (tries == 40)
                                fail_msg("no engine was killed at %s", stages[i]);
}

/* The same for a job that starts from a picture: the first worker dies, then a better job comes, and it has its bytes. */
static void test_with_a_picture(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int image = sealed_file("tests/fixtures/pictures/progressive.jpg", SIZE_MAX),
                              mask = sealed_file("tests/fixtures/pictures/grey.png", SIZE_MAX);
        JobRef alone = {}, job = {}, urgent = {};
        (void)state;

#define FROM "init-image", "h", image, "mask", "h", mask, "strength", "d", 0.9
        assert_true(generate(bus, &alone, "a fox", 7, LONG_JOB, FROM) >= 0);
        assert_true(wait_for_state(bus, alone.path, IMAGINE_STATE_DONE));
        pid_t worker = place_worker(&place);
        assert_true(worker > 0);
        assert_true(generate(bus, &job, "a fox", 8, LONG_JOB, FROM, "priority", "s", "batch") >= 0);
        (void)wait_for_step(bus, job.path, 8);
        assert_int_equal(kill(worker, SIGKILL), 0);
        (void)wait_for_step(bus, job.path, 12);
        assert_true(generate(bus, &urgent, "a cat", 5, LONG_JOB, "priority", "s", "interactive") >= 0);
        assert_true(wait_for_state(bus, urgent.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int whole = get_result(bus, alone.path, 0, NULL), after = get_result(bus, job.path, 0, NULL);
        assert_true(whole >= 0 && after >= 0);
        assert_same_bytes(whole, after);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_interactive_comes_first),
                cmocka_unit_test(test_a_killed_worker_costs_nothing),
                cmocka_unit_test(test_killed_at_each_stage),
                cmocka_unit_test(test_with_a_picture),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

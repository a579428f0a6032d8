/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker that dies, hangs, lies or sends rubbish costs the job that it is at, with a clear error, and nothing else. */

#include "listener.h"
#include "workers/sandbox-rules.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(
                        state, &place, "default_model = \"stub\"; worker_ping_seconds = 4; load_seconds = 6;", "stub",
                        "stub-dies-loading", "stub-dies-encoding", "stub-dies-denoising", "stub-dies-once", "stub-hangs",
                        "stub-fails-job", "stub-fails-loading", "stub-lacks-memory", "stub-hangs-loading", "stub-garbage",
                        "stub-wrong-job", "stub-unsealed", "stub-lying-size", "stub-not-png", "stub-too-few",
                        "stub-too-many", "stub-wrong-seed", "stub-slow", "stub-stubborn", "stub-vanishing",
                        "stub-other-size", "stub-dies-midway", "stub-forbidden", "stub-loops");
}

/* The job fails with that error, and one behind it that needs a sound model is done. */
static void assert_breaks(const char *model, const char *wanted)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard heard = {};
        JobRef broken, sound;
        char name[128];

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &broken, "x", 3, "model", "s", model, "count", "u", 2, "width", "u", 64) >= 0);
        assert_true(generate(bus, &sound, "x", 1, "model", "s", "stub") >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_FAILED);
        assert_string_equal(heard.error, wanted);
        assert_string_equal(heard.path, broken.path);
        job_error(bus, broken.path, name);
        assert_string_equal(name, wanted);
        /* The pictures that were whole before it broke remain. */
        if (!streq(model, "stub-too-many")) {
                assert_true(job_call(bus, broken.path, "GetResult", &error, NULL, "u", 1) < 0);
                assert_bus_error(&error, wanted);
        }

        assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, sound.path, 0, NULL);
        assert_true(fd >= 0);
}

static void test_death(void **state)
{
        (void)state;
        assert_breaks("stub-dies-loading", IMAGINE_ERROR_WORKER_DIED);
        assert_breaks("stub-dies-encoding", IMAGINE_ERROR_WORKER_DIED);
        assert_breaks("stub-dies-denoising", IMAGINE_ERROR_WORKER_DIED);
#ifndef SANDBOX_SANITIZED
        /* A call that no engine makes: the filter kills it, and nothing else. */
        assert_breaks("stub-forbidden", IMAGINE_ERROR_WORKER_DIED);
#endif
}

/* A job survives one worker; after the second it has failed, and others are not touched. */
static void test_one_death_costs_nothing(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef first, second;
        (void)state;

        assert_true(generate(bus, &first, "x", 1, "model", "s", "stub-dies-once") >= 0);
        assert_true(generate(bus, &second, "x", 1, "model", "s", "stub-dies-once") >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, second.path, IMAGINE_STATE_DONE));
}

/* It goes on after the last step that it told of: of eight steps the fourth is made twice. */
static void test_a_job_goes_on_where_it_was(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char path[PATH_MAX];
        struct stat st;
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-dies-midway", "steps", "u", 8) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        (void)snprintf(path, sizeof(path), "%s/models/stub-dies-midway/steps", place.directory);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 9);
}

static void test_hanging(void **state)
{
        (void)state;
        assert_breaks("stub-hangs", IMAGINE_ERROR_WORKER_DIED);
        assert_breaks("stub-hangs-loading", IMAGINE_ERROR_WORKER_DIED);
        assert_breaks("stub-loops", IMAGINE_ERROR_WORKER_DIED); /* it answers, and that is all */
}

static void test_what_is_not_believed(void **state)
{
        static const char *const models[] = {
                "stub-garbage", "stub-wrong-job", "stub-unsealed", "stub-lying-size",
                "stub-not-png", "stub-too-few",   "stub-too-many", "stub-wrong-seed",
                "stub-other-size",
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                assert_breaks(models[i], IMAGINE_ERROR_WORKER_DIED);
}

static void test_failures_that_are_reported(void **state)
{
        (void)state;
        assert_breaks("stub-fails-job", IMAGINE_ERROR_OUT_OF_MEMORY);
        assert_breaks("stub-fails-loading", IMAGINE_ERROR_BAD_MODEL);
        assert_breaks("stub-lacks-memory", IMAGINE_ERROR_OUT_OF_MEMORY);
}

/* After three deaths in a row nobody waits for this model any more; the next request tries again. */
static void test_a_crash_loop_ends(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef jobs[6], sound, later;
        (void)state;

        listen_to_jobs(bus, &heard);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                assert_true(generate(bus, &jobs[i], "x", 1, "model", "s", "stub-dies-encoding") >= 0);
        assert_true(generate(bus, &sound, "x", 1, "model", "s", "stub") >= 0);
        assert_true(hear_until(bus, &heard.finished, 7));
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                assert_true(wait_for_state(bus, jobs[i].path, IMAGINE_STATE_FAILED));
        assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));

        assert_true(generate(bus, &later, "x", 1, "model", "s", "stub-dies-encoding") >= 0);
        assert_true(wait_for_state(bus, later.path, IMAGINE_STATE_FAILED));

        /* Three processes for six jobs, and two for the later one. */
        _cleanup_(freep) char *log = place_log(&place);
        unsigned starts = 0;
        for (const char *p = log; (p = strstr(p, "Loading the model stub-dies-encoding")); p++)
                starts++;
        assert_int_equal(starts, 3 + 2 + 2); /* two more in test_death */
}

static void test_load_model_tells_why(void **state)
{
        static const struct {
                const char *model, *error;
        } cases[] = {
                { "stub-fails-loading", IMAGINE_ERROR_BAD_MODEL },
                { "stub-lacks-memory", IMAGINE_ERROR_OUT_OF_MEMORY },
                { "stub-dies-loading", IMAGINE_ERROR_WORKER_DIED },
        };
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_true(manager_call(bus, "LoadModel", &error, NULL, "s", cases[i].model) < 0);
                assert_bus_error(&error, cases[i].error);
        }
        assert_true(manager_call(bus, "LoadModel", &error, NULL, "s", "stub-fails-loading") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_BAD_MODEL);
        assert_true(wait_for_model_state(bus, "failed"));
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub") >= 0);
        assert_true(wait_for_model_state(bus, "ready"));
}

/* A worker that does not let go of a cancelled job is ended, and the next job has another one. */
static void test_a_worker_that_does_not_cancel(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job, after;
        (void)state;

        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-stubborn", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &after, "x", 2, "model", "s", "stub-stubborn", "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        assert_true(wait_for_state(bus, after.path, IMAGINE_STATE_DONE));
        _cleanup_(freep) char *log = place_log(&place);
        assert_non_null(strstr(log, "does not stop working on a cancelled job"));
}

static void test_a_model_that_vanishes(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128], path[PATH_MAX];
        JobRef first, job, sound;
        (void)state;

        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-vanishing") >= 0);
        assert_true(generate(bus, &sound, "x", 1, "model", "s", "stub") >= 0);
        (void)snprintf(path, sizeof(path), "%s/models/stub-vanishing/model_index.json", place.directory);
        assert_int_equal(unlink(path), 0);
        assert_true(job_call(bus, first.path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_FAILED));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_NO_SUCH_MODEL);
        assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));
}

/* Of a broken worker nothing is left behind: neither processes nor descriptors. */
static void test_nothing_is_left(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char command[160], line[64];
        (void)state;

        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        /* But one that reads a model for its digest, and has all the time in the world; before its program is, it looks like the
         * service. */
        (void)snprintf(
                        command, sizeof(command), "ps -o args= --ppid %d | grep -v -e ' --digest' -e ' --config ' | wc -l",
                        (int)place.service);
        FILE *pipe;
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        do {
                pipe = popen(command, "r");
                assert_non_null(pipe);
                assert_non_null(fgets(line, sizeof(line), pipe));
                (void)pclose(pipe);
        } while (atoi(line) != 0 && clock_usec(CLOCK_MONOTONIC) < end);
        assert_int_equal(atoi(line), 0);

        (void)snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", (int)place.service);
        pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_non_null(fgets(line, sizeof(line), pipe));
        (void)pclose(pipe);
        /* stdio, bus, event loop with its timers and signals: some dozen, not one for each worker that there was. */
        assert_true(atoi(line) < 24);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_death),
                cmocka_unit_test(test_one_death_costs_nothing),
                cmocka_unit_test(test_a_job_goes_on_where_it_was),
                cmocka_unit_test(test_hanging),
                cmocka_unit_test(test_what_is_not_believed),
                cmocka_unit_test(test_failures_that_are_reported),
                cmocka_unit_test(test_a_crash_loop_ends),
                cmocka_unit_test(test_load_model_tells_why),
                cmocka_unit_test(test_a_worker_that_does_not_cancel),
                cmocka_unit_test(test_a_model_that_vanishes),
                cmocka_unit_test(test_nothing_is_left),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

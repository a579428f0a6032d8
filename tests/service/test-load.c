/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many clients of two users at once, with calls of all kinds, good and bad, while the engine computes on all processors.
 * Nothing may leak, no job may be stuck; how long calls took is printed.
 *
 *     LOAD_CLIENTS=200 LOAD_SECONDS=600     instead of a few for a few seconds */

#include <sys/mman.h>

#include "listener.h"
#include "service/appetite.h"

#define CLIENTS 16
#define SECONDS 5
#define CLIENTS_MAX 240 /* a bus allows 256 connections of a user */
#define BUCKETS 400 /* of latencies: 10 % apart, from 10 µs on */

typedef enum Method {
        DESCRIBE,
        GENERATE,
        CANCEL,
        GET_RESULT,
        LIST_JOBS,
        WATCH,
        BAD_OPTIONS,
        WRONG_JOB,
        METHOD_MAX,
} Method;

static const char *const method_names[METHOD_MAX] = {
        "Describe", "Generate", "Cancel", "GetResult", "ListJobs", "Watch", "bad options", "another's job",
};

typedef struct Statistics { /* shared by all clients */
        uint64_t counts[METHOD_MAX][BUCKETS];
        uint64_t worst[METHOD_MAX]; /* µs */
        uint64_t done, refused, cancelled, timeouts;
} Statistics;

static Place place;
static Statistics *statistics;

static int setup(void **state)
{
        statistics = mmap(NULL, sizeof(*statistics), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(statistics, MAP_FAILED);
        return place_set_up_engine(state, &place, "default_model = \"tiny\"; jobs_per_user = 40; result_seconds = 2;");
}

static void note(Method method, uint64_t since)
{
        uint64_t took = clock_usec(CLOCK_MONOTONIC) - since, worst;
        size_t bucket = 0;

        for (double limit = 10; limit < (double)took && bucket < BUCKETS - 1; limit *= 1.1)
                bucket++;
        (void)__atomic_add_fetch(&statistics->counts[method][bucket], 1, __ATOMIC_RELAXED);
        while ((worst = __atomic_load_n(&statistics->worst[method], __ATOMIC_RELAXED)) < took &&
               !__atomic_compare_exchange_n(
                               &statistics->worst[method], &worst, took, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                ;
}

static void add(uint64_t *counter)
{
        (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* One client's life: what it does next is drawn. */
static int live(sd_bus *bus, void *data)
{
        const uint64_t end = *(const uint64_t *)data;
        unsigned random = (unsigned)getpid();
        JobRef job = {};

        while (clock_usec(CLOCK_MONOTONIC) < end) {
                Method method = (Method)(rand_r(&random) % METHOD_MAX);
                sd_bus_error error = SD_BUS_ERROR_NULL;
                uint64_t since = clock_usec(CLOCK_MONOTONIC);
                int fd, r = 0;

                switch (method) {
                case DESCRIBE:
                        CHECK(manager_call(bus, "Describe", &error, NULL, NULL) >= 0);
                        break;
                case GENERATE:
                        r = generate_error(
                                        bus, &job, &error, "a fox", 4, "width", "u", 32, "height", "u", 32, "steps", "u",
                                        1 + rand_r(&random) % 20, "priority", "s",
                                        rand_r(&random) % 4 ? "batch" : "interactive");
                        CHECK(r >= 0 || has_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED));
                        add(r >= 0 ? &statistics->done : &statistics->refused);
                        break;
                case CANCEL:
                        if (!job.path[0])
                                continue;
                        (void)job_call(bus, job.path, "Cancel", &error, NULL, NULL);
                        break;
                case GET_RESULT:
                        if (!job.path[0])
                                continue;
                        fd = get_result(bus, job.path, 0, &error);
                        if (fd >= 0)
                                (void)close(fd);
                        break;
                case LIST_JOBS:
                        CHECK(manager_call(bus, "ListJobs", &error, NULL, NULL) >= 0);
                        break;
                case WATCH:
                        (void)manager_call(bus, "Watch", &error, NULL, "o", "/");
                        break;
                case BAD_OPTIONS:
                        r = generate_error(bus, &job, &error, "x", 1, "width", "u", 3);
                        CHECK(r < 0 && has_error(&error, IMAGINE_ERROR_INVALID_ARGS));
                        break;
                default:
                        r = job_call(bus, IMAGINE_JOB_PREFIX "/4711_1", "Cancel", &error, NULL, NULL);
                        CHECK(r < 0);
                }
                if (sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY) || sd_bus_error_has_name(&error, SD_BUS_ERROR_TIMEOUT))
                        add(&statistics->timeouts);
                sd_bus_error_free(&error);
                note(method, since);
                while (sd_bus_process(bus, NULL) > 0)
                        ;
                sleep_ms((int)(rand_r(&random) % 50));
        }
        return 0;
}

static double median(Method method)
{
        uint64_t all = 0, n = 0;
        double limit = 10;

        for (size_t i = 0; i < BUCKETS; i++)
                all += statistics->counts[method][i];
        for (size_t i = 0; i < BUCKETS; i++, limit *= 1.1) {
                n += statistics->counts[method][i];
                if (2 * n >= all)
                        return limit;
        }
        return 0;
}

static pid_t start_client(const char *user, uint64_t *end)
{
        const struct passwd *entry = getpwnam(user);
        assert_non_null(entry);

        pid_t pid = fork_child();
        if (pid == 0) {
                CHECK(!is_root() || (setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) == 0 &&
                                     setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) == 0));
                _exit(live(place_connect(&place), end));
        }
        sleep_ms(20); /* a bus takes only so many that are not yet through the door */
        return pid;
}

static void test_load(void **state)
{
        unsigned n = (unsigned)MIN(setting("LOAD_CLIENTS", CLIENTS), (uint64_t)CLIENTS_MAX),
                 seconds = (unsigned)setting("LOAD_SECONDS", SECONDS);
        pid_t pids[CLIENTS_MAX];
        uint64_t end, before = 0;
        JobRef job;
        (void)state;

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        unsigned descriptors = count_descriptors(place.service);

        end = clock_usec(CLOCK_MONOTONIC) + seconds * USEC_PER_SEC + n * 20 * USEC_PER_MSEC;
        for (unsigned i = 0; i < n; i++)
                pids[i] = start_client(i % 2 ? "games" : "nobody", &end);
        while (clock_usec(CLOCK_MONOTONIC) < end) {
                sleep_ms(100);
                if (before == 0 && clock_usec(CLOCK_MONOTONIC) > end - seconds * USEC_PER_SEC * 3 / 4)
                        before = process_resident(place.service);
        }
        uint64_t after = process_resident(place.service);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(wait_for_exit(pids[i]), 0);

        printf("%u clients, %u s: %llu jobs taken, %llu refused, %llu calls without an answer; the service: %llu KiB after a "
               "quarter, %llu KiB in the end\n",
               n, seconds, (unsigned long long)statistics->done, (unsigned long long)statistics->refused,
               (unsigned long long)statistics->timeouts, (unsigned long long)before / 1024,
               (unsigned long long)after / 1024);
        for (int m = 0; m < METHOD_MAX; m++)
                printf("%-14s median %7.2f ms, worst %8.2f ms\n", method_names[m], median((Method)m) / 1000,
                       (double)statistics->worst[m] / 1000);
        assert_int_equal(statistics->timeouts, 0);

        /* All jobs came to an end with their callers, and nothing of them is left. */
        assert_true(generate(bus, &job, "x", 1, "priority", "s", "batch") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        sleep_ms(2500);
        assert_true(count_descriptors(place.service) <= descriptors + 4);
#ifndef __SANITIZE_ADDRESS__
        assert_true(after < before + 2048 * 1024);
        assert_true(process_peak(place.service) < 12 * 1024 * 1024);
#endif
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_load),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

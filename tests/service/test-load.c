/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many clients of two users at once, with calls of all kinds, good and bad, while the engine computes on all processors.
 * Nothing may leak, no job may be stuck; how long calls took is printed, and beside it what the bus alone takes to answer,
 * whose the processors were, and how long they belonged to nobody here.
 *
 *     LOAD_CLIENTS=200 LOAD_SECONDS=600     instead of a few for a few seconds */

#include <sys/mman.h>

#include "listener.h"
#include "processor-time.h"
#include "standstill.h"
#include "service/appetite.h"

#define CLIENTS 16
#define SECONDS 5
#define CLIENTS_MAX 240 /* a bus allows 256 connections of a user */
#define BUCKETS 400 /* of latencies: 10 % apart, from 10 µs on */

/* --- what is called --- */

typedef struct Client {
        sd_bus *bus;
        unsigned random;
        JobRef job, prompt; /* its latest */
} Client;

static unsigned draw(Client *client, unsigned n)
{
        return (unsigned)rand_r(&client->random) % n;
}

/* Each returns what the call did. */

static int describe(Client *c, sd_bus_error *error)
{
        return manager_call(c->bus, "Describe", error, NULL, NULL);
}

/* What is waited for without the service having any part in it. */
static int ping_bus(Client *c, sd_bus_error *error)
{
        return sd_bus_call_method(
                        c->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping", error, NULL,
                        NULL);
}

static int generate_picture(Client *c, sd_bus_error *error)
{
        return generate_error(
                        c->bus, &c->job, error, "a fox", 4, "width", "u", 32, "height", "u", 32, "steps", "u", 1 + draw(c, 20),
                        "priority", "s", draw(c, 4) ? "batch" : "interactive");
}

static int write_prompt(Client *c, sd_bus_error *error)
{
        return order_error(c->bus, &c->prompt, error, "Enhance", "a fox", 0);
}

static int cancel(Client *c, sd_bus_error *error)
{
        return job_call(c->bus, c->job.path, "Cancel", error, NULL, NULL);
}

static int release(Client *c, sd_bus_error *error)
{
        return job_call(c->bus, c->job.path, "Release", error, NULL, NULL);
}

static int fetch_picture(Client *c, sd_bus_error *error)
{
        int fd = get_result(c->bus, c->job.path, 0, error);
        return fd < 0 ? fd : close(fd);
}

static int on_preview(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        (void)reply, (void)userdata, (void)error;
        return 1;
}

/* It is answered when the job has got so far, which nobody waits for here. */
static int ask_for_preview(Client *c, sd_bus_error *error)
{
        (void)error;
        return sd_bus_call_method_async(
                        c->bus, NULL, IMAGINE_BUS_NAME, c->job.path, IMAGINE_JOB_INTERFACE, "GetPreview", on_preview, NULL, NULL);
}

static int fetch_prompt(Client *c, sd_bus_error *error)
{
        return job_call(c->bus, c->prompt.path, "GetPrompt", error, NULL, "u", 0);
}

static int get_all(Client *c, sd_bus_error *error)
{
        const bool of_job = draw(c, 2) > 0;
        return sd_bus_call_method(
                        c->bus, IMAGINE_BUS_NAME, of_job ? c->job.path : IMAGINE_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                        error, NULL, "s", of_job ? IMAGINE_JOB_INTERFACE : IMAGINE_MANAGER_INTERFACE);
}

static int list(Client *c, sd_bus_error *error)
{
        static const char *const members[] = { "ListJobs", "ListJobs", "ListModels", "ListServers" };
        return manager_call(c->bus, members[draw(c, ELEMENTSOF(members))], error, NULL, NULL);
}

static int watch(Client *c, sd_bus_error *error)
{
        return manager_call(c->bus, draw(c, 4) ? "Watch" : "Unwatch", error, NULL, "o", "/");
}

/* --- and what must be refused --- */

static int administer(Client *c, sd_bus_error *error)
{
        switch (draw(c, 5)) {
        case 0:
                return manager_call(c->bus, "LoadModel", error, NULL, "s", "tiny");
        case 1:
                return manager_call(c->bus, "UnloadModel", error, NULL, NULL);
        case 2:
                return manager_call(c->bus, "CancelJob", error, NULL, "uu", 0, 1);
        case 3:
                return manager_call(c->bus, "SetConsent", error, NULL, "sb", "nobody", true);
        default:
                return manager_call(c->bus, "ListAllJobs", error, NULL, NULL);
        }
}

static int ask_for_nonsense(Client *c, sd_bus_error *error)
{
        JobRef none;

        switch (draw(c, 3)) {
        case 0:
                return manager_call(c->bus, "Generate", error, NULL, "u", 3);
        case 1:
                return manager_call(c->bus, "Degenerate", error, NULL, NULL);
        default:
                return generate_error(c->bus, &none, error, "x", 1, "width", "u", 3);
        }
}

static int touch_anothers_job(Client *c, sd_bus_error *error)
{
        return job_call(c->bus, IMAGINE_JOB_PREFIX "/4711_1", "Cancel", error, NULL, NULL);
}

typedef enum Outcome {
        MAY_FAIL,
        SUCCEEDS,
        LIMITED, /* it succeeds, or a limit is exceeded */
        IS_REFUSED,
} Outcome;

static const struct {
        const char *name;
        int (*call)(Client *client, sd_bus_error *error);
        Outcome outcome;
        unsigned weight;
        size_t job; /* offset of the job in Client that it needs; 0: none */
} methods[] = {
        { "Describe", describe, SUCCEEDS, 100 },
        { "the bus alone", ping_bus, SUCCEEDS, 50 },
        { "Generate", generate_picture, LIMITED, 100 },
        { "Enhance", write_prompt, LIMITED, 2 }, /* each is a process */
        { "Cancel", cancel, MAY_FAIL, 100, offsetof(Client, job) },
        { "Release", release, MAY_FAIL, 10, offsetof(Client, job) },
        { "GetResult", fetch_picture, MAY_FAIL, 100, offsetof(Client, job) },
        { "GetPreview sent", ask_for_preview, MAY_FAIL, 10, offsetof(Client, job) },
        { "GetPrompt", fetch_prompt, MAY_FAIL, 10, offsetof(Client, prompt) },
        { "GetAll", get_all, MAY_FAIL, 50, offsetof(Client, job) },
        { "Lists", list, SUCCEEDS, 100 },
        { "(Un)Watch", watch, MAY_FAIL, 50 },
        { "administering", administer, IS_REFUSED, 20 },
        { "nonsense", ask_for_nonsense, IS_REFUSED, 50 },
        { "another's job", touch_anothers_job, IS_REFUSED, 50 },
};

typedef struct Statistics { /* shared by all clients */
        uint64_t counts[ELEMENTSOF(methods)][BUCKETS];
        uint64_t worst[ELEMENTSOF(methods)]; /* µs */
        uint64_t worst_at_work[ELEMENTSOF(methods)]; /* less the time for which the machine stood still */
        uint64_t done, refused, timeouts;
} Statistics;

static Place place;
static Statistics *statistics;
static Standstill *standstill;

static int setup(void **state)
{
        statistics = mmap(NULL, sizeof(*statistics), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(statistics, MAP_FAILED);
        standstill = standstill_watch();
        return place_set_up_engine(state, &place, "default_model = \"tiny\"; jobs_per_user = 40; result_seconds = 2;");
}

static void raise_to(uint64_t *worst, uint64_t took)
{
        uint64_t before;

        while ((before = __atomic_load_n(worst, __ATOMIC_RELAXED)) < took &&
               !__atomic_compare_exchange_n(worst, &before, took, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                ;
}

static void note(size_t method, uint64_t since)
{
        uint64_t now = clock_usec(CLOCK_MONOTONIC), took = now - since;
        size_t bucket = 0;

        for (double limit = 10; limit < (double)took && bucket < BUCKETS - 1; limit *= 1.1)
                bucket++;
        (void)__atomic_add_fetch(&statistics->counts[method][bucket], 1, __ATOMIC_RELAXED);
        raise_to(&statistics->worst[method], took);
        if (took > __atomic_load_n(&statistics->worst_at_work[method], __ATOMIC_RELAXED))
                raise_to(&statistics->worst_at_work[method], took - MIN(took, standstill_within(standstill, since, now)));
}

static void add(uint64_t *counter)
{
        (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static size_t choose(Client *client)
{
        unsigned sum = 0;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                sum += methods[i].weight;
        unsigned n = draw(client, sum);
        for (size_t i = 0;; i++) {
                if (n < methods[i].weight)
                        return i;
                n -= methods[i].weight;
        }
}

/* False: it has no job yet. */
static bool call(Client *client, size_t method)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const Outcome outcome = methods[method].outcome;

        if (methods[method].job && !((const JobRef *)((const uint8_t *)client + methods[method].job))->path[0])
                return false;
        uint64_t since = clock_usec(CLOCK_MONOTONIC);
        int r = methods[method].call(client, &error);
        note(method, since);
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY) || sd_bus_error_has_name(&error, SD_BUS_ERROR_TIMEOUT))
                add(&statistics->timeouts);
        CHECK(r >= 0 ? outcome != IS_REFUSED
                     : outcome != SUCCEEDS && (outcome != LIMITED || has_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED)));
        if (methods[method].call == generate_picture)
                add(r >= 0 ? &statistics->done : &statistics->refused);
        sd_bus_error_free(&error);
        return true;
}

/* One client's life: what it does next is drawn. */
static void live(sd_bus *bus, uint64_t end)
{
        Client client = { .bus = bus, .random = (unsigned)getpid() };

        while (clock_usec(CLOCK_MONOTONIC) < end) {
                if (!call(&client, choose(&client)))
                        continue;
                while (sd_bus_process(bus, NULL) > 0)
                        ;
                sleep_ms((int)draw(&client, 50));
        }
}

static double median(size_t method)
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

static pid_t start_client(const char *user, uint64_t end)
{
        const struct passwd *entry = getpwnam(user);
        assert_non_null(entry);

        pid_t pid = fork_child();
        if (pid == 0) {
                CHECK(!is_root() || (setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) == 0 &&
                                     setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) == 0));
                live(place_connect(&place), end);
                _exit(0);
        }
        sleep_ms(20); /* a bus takes only so many that are not yet through the door */
        return pid;
}

static void print_results(unsigned clients, unsigned seconds, uint64_t before, uint64_t after)
{
        printf("%u clients, %u s: %llu jobs taken, %llu refused, %llu calls without an answer; the service: %llu KiB after a "
               "quarter, %llu KiB in the end\n",
               clients, seconds, (unsigned long long)statistics->done, (unsigned long long)statistics->refused,
               (unsigned long long)statistics->timeouts, (unsigned long long)before / 1024,
               (unsigned long long)after / 1024);
        for (size_t m = 0; m < ELEMENTSOF(methods); m++)
                printf("%-15s median %7.2f ms, worst %8.2f ms (%.2f while the machine did not stand still)\n", methods[m].name,
                       median(m) / 1000, (double)statistics->worst[m] / 1000, (double)statistics->worst_at_work[m] / 1000);
        standstill_print(standstill);
}

/* Of any user, that have not ended. */
static unsigned count_jobs(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state;
        unsigned n = 0;

        if (manager_call(bus, "ListAllJobs", NULL, &reply, NULL) < 0)
                return 0; /* not for us */
        assert_true(sd_bus_message_enter_container(reply, 'a', "(uussd)") > 0);
        while (sd_bus_message_read(reply, "(uussd)", NULL, NULL, NULL, &state, NULL) > 0)
                n += !state_is_final(state);
        return n;
}

/* All jobs came to an end with their callers, and nothing of them is kept for longer than it is to be. */
static void assert_nothing_is_left(sd_bus *bus, unsigned descriptors)
{
        JobRef job;

        assert_true(generate(bus, &job, "x", 1, "priority", "s", "batch") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
             count_jobs(bus) > 0 || count_descriptors(place.service) > descriptors + 4; sleep_ms(50))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        printf("%u jobs stuck; %u descriptors open before, %u afterwards\n", count_jobs(bus), descriptors,
               count_descriptors(place.service));
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
        Account account = account_take(&place);

        end = clock_usec(CLOCK_MONOTONIC) + seconds * USEC_PER_SEC + n * 20 * USEC_PER_MSEC;
        for (unsigned i = 0; i < n; i++)
                pids[i] = start_client(i % 2 ? "games" : "nobody", end);
        while (clock_usec(CLOCK_MONOTONIC) < end) {
                sleep_ms(100);
                if (before == 0 && clock_usec(CLOCK_MONOTONIC) > end - seconds * USEC_PER_SEC * 3 / 4)
                        before = process_resident(place.service);
        }
        uint64_t after = process_resident(place.service);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(wait_for_exit(pids[i]), 0);

        Account later = account_take(&place);
        print_results(n, seconds, before, after);
        account_print(&account, &later);
        assert_int_equal(statistics->timeouts, 0);
        assert_nothing_is_left(bus, descriptors);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time that does not go by as it should: a wall clock that jumps, and a machine that stands still for a while. */

#include <sys/mman.h>

#include "listener.h"

#define YEAR (365 * 24 * 3600LL)

static Place place;
static int64_t *ahead; /* seconds, of the service's wall clock */

static int setup(void **state)
{
        return place_set_up(state, &place, NULL, "stub", "stub-slow", "stub-slow-load");
}

/* --- the wall clock --- */

/* The library of the sanitizer that this process has; "": none. It wants to be the first. */
static void find_sanitizer(char ret[static PATH_MAX])
{
        _cleanup_(freep) char *maps = read_text_file("/proc/self/maps");
        char *name = strstr(maps, "/libasan.so"), *begin = name;

        *ret = '\0';
        while (begin && begin > maps && begin[-1] != ' ')
                begin--;
        if (begin)
                (void)snprintf(ret, PATH_MAX, "%.*s:", (int)strcspn(begin, "\n"), begin);
}

static void start_with_jumping_clock(const char *settings)
{
        char library[PATH_MAX], sanitizer[PATH_MAX], both[2 * PATH_MAX];

        find_sanitizer(sanitizer);
        (void)snprintf(both, sizeof(both), "%s%s", sanitizer, built("tests/service/jumping-clock.so", library));
        assert_int_equal(setenv("LD_PRELOAD", both, 1), 0);
        place_start_service(&place, settings);
        assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

static void make_the_clock_jump(void)
{
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/ahead", place.directory);
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0 && ftruncate(fd, sizeof(*ahead)) == 0);
        ahead = mmap(NULL, sizeof(*ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(ahead, MAP_FAILED);
        assert_int_equal(setenv("JUMPING_CLOCK", path, 1), 0);
}

/* When the service believes a job to be forgotten, in seconds. */
static uint64_t expires(sd_bus *bus, const char *path)
{
        uint64_t usec = 0;
        assert_true(sd_bus_get_property_trivial(
                            bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "Expires", NULL, 't', &usec) >= 0);
        return usec / USEC_PER_SEC;
}

static void test_the_clock_jumps(void **state)
{
        static const int64_t jumps[] = { YEAR, -20 * YEAR, 40 * YEAR, 0 };
        JobRef kept, running;
        (void)state;

        make_the_clock_jump();
        start_with_jumping_clock(
                        "default_model = \"stub\"; result_seconds = 100; idle_unload_seconds = 100; worker_ping_seconds = 10;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &kept, "x", 0) >= 0);
        assert_true(wait_for_state(bus, kept.path, IMAGINE_STATE_DONE));
        uint64_t before = expires(bus, kept.path);
        for (size_t i = 0; i < ELEMENTSOF(jumps); i++) {
                place_hold(&place, 2);
                assert_true(generate(bus, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 6) >= 0);
                assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
                pid_t worker = place_worker(&place);
                *ahead = jumps[i];
                /* The clock is what it is, and a result is kept for as long as it was to be kept. */
                uint64_t after = expires(bus, kept.path);
                assert_true(after + 2 >= before + (uint64_t)jumps[i] && after <= before + (uint64_t)jumps[i] + 2);
                place_release(&place);
                assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_DONE));
                sleep_ms(300);
                /* Nobody was thought to hang, to be idle or to have been kept for too long. */
                assert_int_equal(place_worker(&place), worker);
                assert_true(wait_for_state(bus, kept.path, IMAGINE_STATE_DONE));
        }
        place_stop_service(&place);

        /* Set back, it does not keep results for good, nor the model. */
        *ahead = 0;
        start_with_jumping_clock("default_model = \"stub\"; result_seconds = 1; idle_unload_seconds = 1;");
        assert_true(generate(bus, &kept, "x", 0) >= 0);
        assert_true(wait_for_state(bus, kept.path, IMAGINE_STATE_DONE));
        *ahead = -YEAR;
        assert_true(wait_for_model_state(bus, "unloaded"));
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char text[64];
        while (job_string(bus, kept.path, "State", text) >= 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(20);
        }
        place_stop_service(&place);
}

/* --- standing still --- */

/* The service and its worker stand still for longer than a worker may be silent: neither is taken for dead. The worker
 * stops a little earlier, so that a question of the service's is open. */
static void stand_still(const char *model, const char *state, int before, int ms)
{
        JobRef job;

        /* Each time anew, so that no worker of another model is just leaving. */
        place_start_service(&place, "worker_ping_seconds = 6; load_seconds = 6;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        place_hold(&place, 0);
        assert_true(generate(bus, &job, "x", 2, "model", "s", model, "steps", "u", 10) >= 0);
        assert_true(wait_for_state(bus, job.path, state));
        pid_t worker = place_worker(&place);
        assert_int_equal(kill(worker, SIGSTOP), 0);
        sleep_ms(before);
        assert_int_equal(kill(place.service, SIGSTOP), 0);
        sleep_ms(ms);
        assert_int_equal(kill(place.service, SIGCONT), 0);
        sleep_ms(100);
        assert_int_equal(kill(worker, SIGCONT), 0);
        place_release(&place);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(place_worker(&place), worker);
        place_stop_service(&place);
}

static void test_standing_still(void **state)
{
        (void)state;
        stand_still("stub-slow", IMAGINE_STATE_RUNNING, 3400, 6500);
        stand_still("stub-slow-load", IMAGINE_STATE_LOADING, 1000, 6500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_clock_jumps),
                cmocka_unit_test(test_standing_still),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

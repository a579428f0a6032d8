/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A user's instance and the machine's with the real engine: one model in memory, and the same bytes whoever is asked and
 * whatever dies in between. */

#include "forward.h"
#include "service/appetite.h"

static int setup(void **state)
{
        (void)state;
        place_open(&machine);
        machine.has_engine = true;
        place_add_tiny_model(&machine);
        place_start_service(&machine, "default_model = \"tiny\"; threads = 1;");
        place_open_bus(&user, true);
        user.has_engine = true;
        user.system_address = machine.address;
        place_start_service(&user, "threads = 1;");
        return 0;
}

static int close_places(void **state)
{
        (void)state;
        close_both();
        return 0;
}

static int draw(sd_bus *bus, void *data)
{
        JobRef job;
        (void)data;

        CHECK(generate(bus, &job, "a fox", 2, "width", "u", 64, "height", "u", 64) >= 0);
        CHECK(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        return 0;
}

/* Twenty clients, of two users and over two buses: one process holds the model, and it grows for none of them. */
static void test_one_model_for_all(void **state)
{
        sd_bus *buses[20];
        (void)state;

        buses[0] = place_connect(&machine);
        (void)draw(buses[0], NULL);
        pid_t worker = place_worker(&machine);
        uint64_t one = process_proportional(worker);
        for (size_t i = 1; i < ELEMENTSOF(buses); i++) {
                buses[i] = place_connect(i % 2 ? &user : &machine);
                (void)draw(buses[i], NULL);
        }
        if (is_root())
                as_user(&machine, "games", draw, NULL);
        assert_int_equal(place_worker(&machine), worker);
        assert_int_equal(place_worker(&user), 0);
        uint64_t twenty = process_proportional(worker), here = process_peak(user.service), there = process_peak(machine.service);
        printf("worker: %llu KiB (PSS) for one client, %llu for twenty over both instances; services: %llu and %llu KiB (RSS, at "
               "most)\n",
               (unsigned long long)one / 1024, (unsigned long long)twenty / 1024, (unsigned long long)here / 1024,
               (unsigned long long)there / 1024);
#ifndef __SANITIZE_ADDRESS__
        assert_true(one > 0 && twenty < one + one / 4);
        assert_true(here < 12 * 1024 * 1024 && there < 12 * 1024 * 1024);
#endif
        for (size_t i = 0; i < ELEMENTSOF(buses); i++)
                (void)bus_close(buses[i]);
}

#define PICTURES 3

static void ask(sd_bus *bus, JobRef *job)
{
        assert_true(generate(
                                    bus, job, "a fox", 7, "width", "u", 64, "height", "u", 64, "steps", "u", 20, "seed", "t",
                                    UINT64_C(11), "count", "u", PICTURES, "variation-strength", "d", 0.3, "variation-seed", "t",
                                    UINT64_C(5)) >= 0);
}

static void assert_same_pictures(sd_bus *bus, const JobRef *job, sd_bus *other, const JobRef *other_job)
{
        for (uint32_t i = 0; i < PICTURES; i++) {
                _cleanup_(closep) int a = get_result(bus, job->path, i, NULL), b = get_result(other, other_job->path, i, NULL);
                assert_true(a >= 0 && b >= 0);
                assert_true(are_same(a, b));
        }
}

/* The machine's instance is killed after the first picture: those that are missing are made by the next one. */
static void test_same_bytes(void **state)
{
        JobRef there, here;
        uint32_t pictures = 0;
        (void)state;

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        ask(bus, &here);
        while (pictures == 0)
                assert_true(job_u32(bus, here.path, "Pictures", &pictures) >= 0);
        kill_service(&machine);
        place_start_service(&machine, "default_model = \"tiny\"; threads = 1;");
        assert_true(wait_for_state(bus, here.path, IMAGINE_STATE_DONE));
        _cleanup_(bus_closep) sd_bus *system_bus = place_connect(&machine);
        ask(system_bus, &there);
        assert_true(wait_for_state(system_bus, there.path, IMAGINE_STATE_DONE));
        assert_same_pictures(bus, &here, system_bus, &there);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_model_for_all),
                cmocka_unit_test(test_same_bytes),
        };
        return cmocka_run_group_tests(tests, setup, close_places);
}

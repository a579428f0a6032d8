/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A user's instance on a session bus, and the machine's on a system bus under the shipped policy:
 *
 *     open_both("", "jobs_per_user = 2;");
 *     _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
 *     …
 *     close_both();
 *
 * Each test is one of cmocka_unit_test_teardown(test, teardown), which ends what a failed test leaves. */

#include "inputs.h"

static Place machine, user;

static inline void open_user(const char *settings)
{
        place_open_bus(&user, true);
        user.system_address = machine.address;
        place_start_service(&user, settings);
}

/* The machine's instance with some models, and a user's without any. */
static inline void open_both(const char *machine_settings, const char *user_settings)
{
        place_open_with(&machine, "stub", "stub-slow", "stub-dies-once", "stub-fails-job", "stub-lacks-memory");
        place_start_service(&machine, machine_settings);
        open_user(user_settings);
}

static inline void close_both(void)
{
        place_close(&user);
        place_close(&machine);
}

static inline int teardown(void **state)
{
        (void)state;
        place_abandon(&user);
        place_abandon(&machine);
        return 0;
}

static inline bool has_worker(const Place *place)
{
        return place_worker(place) > 0;
}

/* How many jobs the machine's instance knows, of whomever. */
static inline size_t count_jobs(sd_bus *bus, const char *wanted_state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state;
        size_t n = 0;

        assert_true(manager_call(bus, "ListAllJobs", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(uussd)") > 0);
        while (sd_bus_message_read(reply, "(uussd)", NULL, NULL, &state, NULL, NULL) > 0)
                n += !wanted_state || streq(state, wanted_state);
        return n;
}

static inline void wait_for_jobs(sd_bus *bus, const char *state, size_t n)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (count_jobs(bus, state) != n) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

static inline void manager_string(sd_bus *bus, const char *property, char ret[static 64])
{
        _cleanup_(freep) char *value = NULL;
        assert_true(sd_bus_get_property_string(
                            bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, property, NULL, &value) >= 0);
        (void)snprintf(ret, 64, "%s", value);
}

static inline void kill_service(Place *place)
{
        (void)kill(place->service, SIGKILL);
        (void)waitpid(place->service, NULL, 0);
        place->service = 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same as in test-power.c, as python-dbusmock's models of UPower and power-profiles-daemon tell it: their objects, types
 * and signals, written by those who know the originals. */

#include "listener.h"

#define UPOWER "org.freedesktop.UPower"
#define UPOWER_PATH "/org/freedesktop/UPower"
#define PROFILES "net.hadess.PowerProfiles"
#define PROFILES_PATH "/net/hadess/PowerProfiles"

static Place place;
static pid_t upower, profiles;

static pid_t start_mock(sd_bus *bus, const char *template, const char *name)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        pid_t pid = fork_child();

        if (pid == 0) {
                (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", place.address, 1);
                (void)execl("/usr/bin/python3", "python3", "-m", "dbusmock", "--system", "--template", template, (char *)NULL);
                _exit(127);
        }
        while (!name_is_owned(bus, name)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
                sleep_ms(20);
        }
        return pid;
}

static void end_mock(pid_t *pid)
{
        if (*pid > 0) {
                (void)kill(*pid, SIGKILL);
                (void)waitpid(*pid, NULL, 0);
        }
        *pid = 0;
}

static int teardown(void **state)
{
        (void)state;
        end_mock(&upower);
        end_mock(&profiles);
        place_abandon(&place);
        return 0;
}

static void set_battery(sd_bus *bus, bool on)
{
        assert_true(sd_bus_call_method(
                            bus, UPOWER, UPOWER_PATH, "org.freedesktop.DBus.Mock", "UpdateProperties", NULL, NULL, "sa{sv}",
                            UPOWER, 1, "OnBattery", "b", on) >= 0);
}

/* As powerprofilesctl does. */
static void set_profile(sd_bus *bus, const char *profile)
{
        assert_true(sd_bus_set_property(bus, PROFILES, PROFILES_PATH, PROFILES, "ActiveProfile", NULL, "s", profile) >= 0);
}

static void test_batch_waits(void **state)
{
        JobRef batch;
        (void)state;

        if (!is_root() || system("/usr/bin/python3 -c 'import dbusmock' 2>/dev/null") != 0)
                skip();
        place_open_with(&place, "stub-slow");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        upower = start_mock(bus, "upower", UPOWER);
        place_start_service(&place, "on_battery = \"batch-waits\";");
        assert_true(generate(
                                    bus, &batch, "x", 3, "model", "s", "stub-slow", "steps", "u", 500, "priority", "s",
                                    "batch") >= 0);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        set_battery(bus, true);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));
        set_battery(bus, false);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));

        /* One that comes later is heard as well. */
        profiles = start_mock(bus, "power_profiles_daemon", PROFILES);
        set_profile(bus, "power-saver");
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));
        set_battery(bus, true);
        set_profile(bus, "balanced");
        end_mock(&upower);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        assert_true(job_call(bus, batch.path, "Cancel", NULL, NULL, NULL) >= 0);
        place_close(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_batch_waits, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

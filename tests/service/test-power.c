/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Electricity to be saved, and sleep inhibited: stand-ins for UPower, power-profiles-daemon and logind answer on the bus. */

#include <sched.h>

#include "calls.h"

#define UPOWER "org.freedesktop.UPower"
#define PROFILES "net.hadess.PowerProfiles"
#define LOGIN "org.freedesktop.login1"
#define INHIBITORS_MAX 16

/* --- the stand-ins: what they say is set over the bus --- */

static struct {
        int on_battery, refuses;
        char *profile;
        uint32_t asked; /* for OnBattery */
        uint32_t n; /* Inhibit calls */
        int inhibitors[INHIBITORS_MAX]; /* our ends of the pipes */
} mock = { .profile = NULL };

static int get_on_battery(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        (void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
        mock.asked++;
        return sd_bus_message_append(reply, "b", mock.on_battery);
}

static int set_on_battery(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value,
                void *userdata, sd_bus_error *error)
{
        (void)userdata, (void)error;
        CHECK(sd_bus_message_read(value, "b", &mock.on_battery) >= 0);
        return sd_bus_emit_properties_changed(bus, path, interface, property, NULL);
}

static int set_active_profile(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value,
                void *userdata, sd_bus_error *error)
{
        const char *profile;
        (void)userdata, (void)error;

        CHECK(sd_bus_message_read(value, "s", &profile) >= 0);
        free(mock.profile);
        mock.profile = strdup(profile);
        return sd_bus_emit_properties_changed(bus, path, interface, property, NULL);
}

/* Those whose other end is still open somewhere. */
static int get_held(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        uint32_t held = 0;
        (void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;

        for (uint32_t i = 0; i < mock.n; i++) {
                struct pollfd end = { .fd = mock.inhibitors[i] };
                (void)poll(&end, 1, 0);
                held += !(end.revents & POLLHUP);
        }
        return sd_bus_message_append(reply, "u", held);
}

static int on_inhibit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *what, *who, *why, *mode;
        int fds[2];
        (void)userdata;

        CHECK(sd_bus_message_read(call, "ssss", &what, &who, &why, &mode) >= 0);
        CHECK(streq(what, "sleep") && streq(who, "imagined") && streq(mode, "block") && mock.n < INHIBITORS_MAX);
        if (mock.refuses)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not for you");
        CHECK(pipe2(fds, O_CLOEXEC) == 0);
        mock.inhibitors[mock.n++] = fds[0];
        int r = sd_bus_reply_method_return(call, "h", fds[1]);
        (void)close(fds[1]);
        return r;
}

static const sd_bus_vtable upower_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY(
                        "OnBattery", "b", get_on_battery, set_on_battery, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE | SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Asked", "u", NULL, offsetof(typeof(mock), asked), 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable profiles_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY(
                        "ActiveProfile", "s", NULL, set_active_profile, offsetof(typeof(mock), profile),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE | SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable login_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("Refuses", "b", NULL, NULL, offsetof(typeof(mock), refuses), SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Called", "u", NULL, offsetof(typeof(mock), n), 0),
        SD_BUS_PROPERTY("Held", "u", get_held, 0, 0),
        SD_BUS_VTABLE_END,
};

static pid_t start_mocks(const Place *place, bool on_battery)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                sd_bus *bus = place_connect(place);
                mock.on_battery = on_battery;
                mock.profile = strdup("balanced");
                CHECK(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/UPower", UPOWER, upower_vtable, &mock) >= 0);
                CHECK(sd_bus_add_object_vtable(bus, NULL, "/net/hadess/PowerProfiles", PROFILES, profiles_vtable, &mock) >= 0);
                CHECK(sd_bus_add_object_vtable(
                                      bus, NULL, "/org/freedesktop/login1", LOGIN ".Manager", login_vtable, &mock) >= 0);
                CHECK(sd_bus_request_name(bus, UPOWER, 0) >= 0);
                CHECK(sd_bus_request_name(bus, PROFILES, 0) >= 0);
                CHECK(sd_bus_request_name(bus, LOGIN, 0) >= 0);
                for (;;)
                        if (sd_bus_process(bus, NULL) == 0)
                                (void)sd_bus_wait(bus, UINT64_MAX);
        }
        _cleanup_(bus_closep) sd_bus *bus = place_connect(place);
        while (sd_bus_call_method(bus, LOGIN, "/", "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL) == -EHOSTUNREACH)
                sleep_ms(5);
        return pid;
}

static void end_mocks(pid_t pid)
{
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

static void set_battery(sd_bus *bus, bool on)
{
        assert_true(sd_bus_set_property(bus, UPOWER, "/org/freedesktop/UPower", UPOWER, "OnBattery", NULL, "b", on) >= 0);
}

static void set_profile(sd_bus *bus, const char *profile)
{
        assert_true(sd_bus_set_property(
                            bus, PROFILES, "/net/hadess/PowerProfiles", PROFILES, "ActiveProfile", NULL, "s", profile) >= 0);
}

static uint32_t asked(sd_bus *bus)
{
        uint32_t n = 0;
        assert_true(sd_bus_get_property_trivial(bus, UPOWER, "/org/freedesktop/UPower", UPOWER, "Asked", NULL, 'u', &n) >= 0);
        return n;
}

static uint32_t login_number(sd_bus *bus, const char *property)
{
        uint32_t n = 0;
        assert_true(sd_bus_get_property_trivial(
                            bus, LOGIN, "/org/freedesktop/login1", LOGIN ".Manager", property, NULL, 'u', &n) >= 0);
        return n;
}

static void wait_until_held(sd_bus *bus, uint32_t wanted)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (login_number(bus, "Held") != wanted) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

/* --- the tests --- */

static Place place;
static pid_t mocks;

static void open_all(const char *settings, bool on_battery)
{
        place_open_with(&place, "stub", "stub-slow");
        mocks = start_mocks(&place, on_battery);
        place_start_service(&place, settings);
}

static void close_all(void)
{
        end_mocks(mocks);
        place_close(&place);
}

static void begin_batch(sd_bus *bus, JobRef *job)
{
        assert_true(generate(bus, job, "x", 3, "model", "s", "stub-slow", "steps", "u", 500, "priority", "s", "batch") >= 0);
}

static void test_batch_waits(void **state)
{
        JobRef batch, normal;
        uint64_t expected = 1;
        char text[64];
        (void)state;

        if (!is_root())
                skip();
        open_all("on_battery = \"batch-waits\";", false);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        begin_batch(bus, &batch);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        set_battery(bus, true);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));
        assert_true(sd_bus_get_property_trivial(
                            bus, IMAGINE_BUS_NAME, batch.path, IMAGINE_JOB_INTERFACE, "ExpectedEnd", NULL, 't', &expected) >= 0);
        assert_int_equal(expected, 0);

        /* Others do not wait, and after them it still does. */
        assert_true(generate(bus, &normal, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, normal.path, IMAGINE_STATE_DONE));
        assert_true(job_string(bus, batch.path, "State", text) >= 0);
        assert_string_equal(text, IMAGINE_STATE_QUEUED);

        set_battery(bus, false);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        set_profile(bus, "power-saver");
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));
        set_profile(bus, "performance");
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));

        /* Who says nothing any more says nothing of batteries; who comes later is heard. */
        set_battery(bus, true);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));
        end_mocks(mocks);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        mocks = start_mocks(&place, true);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_QUEUED));

        /* An administrator who does not want it any more. */
        place_write_config(&place, "");
        assert_int_equal(kill(place.service, SIGHUP), 0);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        assert_true(job_call(bus, batch.path, "Cancel", NULL, NULL, NULL) >= 0);
        close_all();
}

/* By default nobody is asked, and nothing waits. */
static void test_by_default(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        open_all("", true);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub", "priority", "s", "batch") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(asked(bus), 0);
        assert_int_equal(login_number(bus, "Called"), 0);
        close_all();
}

/* Only who owns the name is believed: a stranger's signal does not even make us ask. */
static void test_strangers(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        (void)state;

        if (!is_root())
                skip();
        open_all("on_battery = \"batch-waits\";", false);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        while (asked(bus) == 0)
                sleep_ms(5);
        set_battery(bus, false);
        assert_true(sd_bus_message_new_signal(
                            bus, &signal, "/org/freedesktop/UPower", "org.freedesktop.DBus.Properties", "PropertiesChanged") >= 0);
        assert_true(sd_bus_message_append(signal, "sa{sv}as", UPOWER, 1, "OnBattery", "b", true, 0) >= 0);
        assert_true(sd_bus_message_set_destination(signal, IMAGINE_BUS_NAME) >= 0);
        /* Answered after what came before. */
        assert_true(manager_call(bus, "ListJobs", NULL, NULL, NULL) >= 0);
        uint32_t before = asked(bus);
        assert_true(sd_bus_send(bus, signal, NULL) >= 0);
        assert_true(manager_call(bus, "ListJobs", NULL, NULL, NULL) >= 0);
        assert_int_equal(asked(bus), before);
        close_all();
}

static int count_processors(pid_t pid)
{
        cpu_set_t set;
        assert_int_equal(sched_getaffinity(pid, sizeof(set), &set), 0);
        return CPU_COUNT(&set);
}

static void wait_for_processors(pid_t pid, int n)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (count_processors(pid) != n) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

/* The engine at work is slowed, and a new one too. */
static void test_slow(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root() || count_processors(0) < 2)
                skip();
        open_all("on_battery = \"slow\";", false);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        pid_t worker = place_worker(&place);
        assert_int_equal(count_processors(worker), count_processors(0));
        set_battery(bus, true);
        wait_for_processors(worker, 1);
        assert_int_equal(count_processors(place.service), count_processors(0));
        set_battery(bus, false);
        wait_for_processors(worker, count_processors(0));

        set_battery(bus, true);
        wait_for_processors(worker, 1);
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_not_equal(place_worker(&place), worker);
        wait_for_processors(place_worker(&place), 1);
        close_all();
}

static void test_sleep_is_inhibited(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        open_all("inhibit_sleep = true;", true);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_int_equal(login_number(bus, "Called"), 0);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        wait_until_held(bus, 1);
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        wait_until_held(bus, 0);
        assert_int_equal(login_number(bus, "Called"), 1);
        assert_int_equal(asked(bus), 0);

        /* Refused, the job is made all the same. */
        assert_true(sd_bus_set_property(
                            bus, LOGIN, "/org/freedesktop/login1", LOGIN ".Manager", "Refuses", NULL, "b", true) >= 0);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(login_number(bus, "Held"), 0);
        close_all();
}

/* With all of it configured, and nobody there. */
static void test_nobody_is_there(void **state)
{
        JobRef job;
        (void)state;

        place_open_with(&place, "stub");
        place_start_service(&place, "on_battery = \"slow\"; inhibit_sleep = true; log_level = \"warning\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub", "priority", "s", "batch") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
        _cleanup_(freep) char *log = place_log(&place);
        assert_string_equal(log, "");
        place_close(&place);
}

/* A user's instance reaches the system bus by itself. */
static void test_user(void **state)
{
        Place user;
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        place_open(&place);
        mocks = start_mocks(&place, false);
        place_open_bus(&user, true);
        place_add_model(&user, "stub-slow");
        char address[sizeof(place.address)];
        (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(place.address, ","), place.address); /* of any bus there */
        user.system_address = address;
        place_start_service(&user, "engine = \"own\"; on_battery = \"batch-waits\"; inhibit_sleep = true;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&place);
        begin_batch(bus, &job);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        wait_until_held(system_bus, 1);
        set_battery(system_bus, true);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_QUEUED));
        /* What waits for power keeps no machine awake. */
        wait_until_held(system_bus, 0);

        /* Without the system bus things are as if nobody had ever spoken. */
        place_stop_bus(&place);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));

        /* When it is back it is heard again. */
        end_mocks(mocks);
        place_start_bus(&place);
        mocks = start_mocks(&place, true);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_QUEUED));
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        place_close(&user);
        close_all();
}

static int teardown(void **state)
{
        (void)state;
        place_abandon(&place);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_batch_waits, teardown),
                cmocka_unit_test_teardown(test_by_default, teardown),
                cmocka_unit_test_teardown(test_strangers, teardown),
                cmocka_unit_test_teardown(test_slow, teardown),
                cmocka_unit_test_teardown(test_sleep_is_inhibited, teardown),
                cmocka_unit_test_teardown(test_nobody_is_there, teardown),
                cmocka_unit_test_teardown(test_user, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

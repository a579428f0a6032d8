/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service manager is told, by way of NOTIFY_SOCKET. */

#include <sys/socket.h>
#include <sys/un.h>

#include "calls.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, NULL, "stub-slow", "stub-slow-load");
}

typedef struct Manager {
        int fd;
        char heard[65536];
} Manager;

/* Takes what was sent, as a service manager would; one that does not would block the service. */
static void take_notifications(Manager *manager, int ms)
{
        struct pollfd p = { .fd = manager->fd, .events = POLLIN };
        char message[1024];

        while (poll(&p, 1, ms) > 0) {
                ssize_t n = recv(manager->fd, message, sizeof(message), 0);
                size_t used = strlen(manager->heard);
                (void)snprintf(manager->heard + used, sizeof(manager->heard) - used, "%.*s\n", (int)n, message);
                ms = 0;
        }
}

static void take_until(Manager *manager, const char *text)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; !strstr(manager->heard, text);) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                take_notifications(manager, 100);
        }
}

static void start_managed(Manager *manager, const char *settings)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", place.directory);
        manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(manager->fd >= 0);
        assert_int_equal(bind(manager->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        assert_int_equal(setenv("WATCHDOG_USEC", "1000000", 1), 0);
        place_start_service(&place, settings);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("WATCHDOG_USEC");
}

/* READY=1 comes while the model is still loading; STATUS and the end are told; no prompt is. */
static void test_notification(void **state)
{
        static Manager manager;
        uint32_t pictures = 0;
        JobRef job;
        (void)state;

        place_hold(&place, 0);
        start_managed(&manager, "preload = true; default_model = \"stub-slow-load\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        take_until(&manager, "READY=1\n");
        assert_true(wait_for_model_state(bus, "loading"));
        place_hold(&place, 1);

        assert_true(generate(bus, &job, "a secret", 2, "model", "s", "stub-slow", "steps", "u", 4) >= 0);
        take_until(&manager, "STATUS=Drawing with stub-slow");
        place_release(&place);
        while (pictures == 0) {
                take_notifications(&manager, 10);
                assert_true(job_u32(bus, job.path, "Pictures", &pictures) >= 0);
        }
        take_until(&manager, "WATCHDOG=1");
        assert_int_equal(kill(place.service, SIGHUP), 0);
        take_until(&manager, "RELOADING=1\nMONOTONIC_USEC=");
        place_stop_service(&place);
        take_until(&manager, "STOPPING=1");
        assert_null(strstr(manager.heard, "secret"));
        (void)close(manager.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_notification),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/sleep.h"

#define LOGIN "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_MANAGER LOGIN ".Manager"
/* A machine that was up for as long as this since it was to fall asleep does not. (Sleep stops CLOCK_MONOTONIC.) */
#define ASLEEP_MAX (60 * USEC_PER_SEC)

struct Sleep {
        sd_event *event;
        SystemBus *system_bus;
        sleep_told_t told;
        void *userdata;
        bool busy;

        sd_bus *bus; /* on which logind is listened to; NULL: not yet */
        char *login; /* its unique name; NULL: it is not there */
        sd_bus_slot *login_get, *login_match, *sleep_match;
        SystemBusFollower follower;
        bool asleep;
        sd_event_source *oversleep;

        bool inhibits;
        sd_bus_slot *inhibit; /* the call */
        int inhibitor; /* -1: sleep is not inhibited */
};

/* --- logind's word --- */

static void set_asleep(Sleep *sleep, bool asleep);

static int on_oversleep(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        set_asleep(userdata, false);
        return 0;
}

static void set_asleep(Sleep *sleep, bool asleep)
{
        if (asleep == sleep->asleep)
                return;
        sleep->asleep = asleep;
        sleep->oversleep = sd_event_source_disable_unref(sleep->oversleep);
        if (asleep && sd_event_add_time_relative(
                                      sleep->event, &sleep->oversleep, CLOCK_MONOTONIC, ASLEEP_MAX, 0, on_oversleep, sleep) < 0)
                sleep->asleep = false;
        log_info(asleep ? "The machine falls asleep" : "The machine has woken up");
        sleep->told(sleep->asleep, sleep->userdata);
}

/* Anybody on the system bus can send such a signal. */
static int on_sleep(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Sleep *sleep = userdata;
        const char *sender = sd_bus_message_get_sender(signal);
        int asleep;
        (void)error;

        if (sender && sleep->login && streq(sender, sleep->login) && sd_bus_message_read(signal, "b", &asleep) >= 0)
                set_asleep(sleep, asleep);
        return 0;
}

static void take_login(Sleep *sleep, const char *owner)
{
        free(sleep->login);
        sleep->login = owner && *owner ? strdup(owner) : NULL;
        set_asleep(sleep, false); /* who would tell that it is over? */
}

static int on_login_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Sleep *sleep = userdata;
        const char *owner;
        (void)error;

        sleep->login_get = sd_bus_slot_unref(sleep->login_get);
        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "s", &owner) >= 0)
                take_login(sleep, owner);
        return 1;
}

static int on_login_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Sleep *sleep = userdata;
        const char *now;
        (void)error;

        if (!system_bus_read_owner(signal, &now))
                return 0;
        sleep->login_get = sd_bus_slot_unref(sleep->login_get);
        take_login(sleep, now);
        return 0;
}

/* Nor can anybody tell a user's instance then. */
static void on_lost(void *userdata)
{
        take_login(userdata, NULL);
}

static void unwatch(Sleep *sleep)
{
        sleep->login_get = sd_bus_slot_unref(sleep->login_get);
        sleep->login_match = sd_bus_slot_unref(sleep->login_match);
        sleep->sleep_match = sd_bus_slot_unref(sleep->sleep_match);
        sleep->oversleep = sd_event_source_disable_unref(sleep->oversleep);
        free(TAKE_PTR(sleep->login));
        sleep->bus = sd_bus_unref(sleep->bus);
}

static int watch(Sleep *sleep)
{
        int r = system_bus_reach(sleep->system_bus, &sleep->bus);
        if (r >= 0)
                r = system_bus_watch_owner(sleep->bus, &sleep->login_match, LOGIN, on_login_changed, sleep);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                sleep->bus, &sleep->sleep_match, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "PrepareForSleep", on_sleep,
                                NULL, sleep);
        if (r >= 0)
                r = sd_bus_call_method_async(
                                sleep->bus, &sleep->login_get, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "GetNameOwner", on_login_owner, sleep, "s", LOGIN);
        return r;
}

static void watch_again(Sleep *sleep)
{
        if (sleep->sleep_match && sd_bus_is_open(sleep->bus) > 0)
                return;
        unwatch(sleep);
        set_asleep(sleep, false); /* whoever said so can no more say that it is over */
        int r = watch(sleep);
        if (r < 0)
                log_debug("Whether the machine falls asleep cannot be heard: %s", strerror(-r));
}

/* --- ours to it --- */

static int on_inhibited(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Sleep *sleep = userdata;
        int fd;
        (void)error;

        sleep->inhibit = sd_bus_slot_unref(sleep->inhibit);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_ACCESS_DENIED) ||
            sd_bus_message_is_method_error(reply, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                log_warning("Sleep cannot be inhibited (inhibit_sleep): %s", sd_bus_message_get_error(reply)->message);
        else if (sd_bus_message_is_method_error(reply, NULL))
                log_debug("Sleep cannot be inhibited: %s", sd_bus_message_get_error(reply)->name);
        else if (sd_bus_message_read(reply, "h", &fd) >= 0)
                sleep->inhibitor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return 1;
}

/* The descriptor holds for as long as it is open; an answer that nobody waits for any more is closed unread. */
static void follow_busy(Sleep *sleep)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;

        if (!sleep->busy || !sleep->inhibits) {
                sleep->inhibit = sd_bus_slot_unref(sleep->inhibit);
                closep(&sleep->inhibitor);
                sleep->inhibitor = -1;
                return;
        }
        if (sleep->inhibit || sleep->inhibitor >= 0)
                return;
        int r = system_bus_reach(sleep->system_bus, &bus);
        if (r >= 0)
                r = sd_bus_call_method_async(
                                bus, &sleep->inhibit, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "Inhibit", on_inhibited, sleep,
                                "ssss", "sleep", "imagined", "Pictures are being made", "block");
        if (r < 0)
                log_debug("Sleep cannot be inhibited: %s", strerror(-r));
}

static void on_retry(void *userdata)
{
        Sleep *sleep = userdata;

        if (!sleep->busy)
                return;
        watch_again(sleep);
        follow_busy(sleep);
}

void sleep_set_busy(Sleep *sleep, bool busy)
{
        if (busy == sleep->busy)
                return;
        sleep->busy = busy;
        if (busy)
                watch_again(sleep);
        follow_busy(sleep);
}

void sleep_set_config(Sleep *sleep, const Config *config)
{
        sleep->inhibits = config->inhibit_sleep;
        follow_busy(sleep);
}

/* --- the whole --- */

int sleep_new(Sleep **ret, sd_event *event, SystemBus *system_bus, sleep_told_t told, void *userdata)
{
        Sleep *sleep = calloc(1, sizeof(Sleep));
        if (!sleep)
                return -ENOMEM;
        sleep->event = sd_event_ref(event);
        sleep->system_bus = system_bus;
        sleep->told = told;
        sleep->userdata = userdata;
        sleep->inhibitor = -1;
        sleep->follower = (SystemBusFollower) { .lost = on_lost, .retry = on_retry, .userdata = sleep };
        system_bus_follow(system_bus, &sleep->follower);
        *ret = sleep;
        return 0;
}

Sleep *sleep_free(Sleep *sleep)
{
        if (!sleep)
                return NULL;
        unwatch(sleep);
        sleep->inhibits = false;
        follow_busy(sleep);
        sd_event_unref(sleep->event);
        free(sleep);
        return NULL;
}

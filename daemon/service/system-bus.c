/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "service/backoff.h"
#include "service/system-bus.h"

struct SystemBus {
        sd_event *event;
        sd_bus *bus; /* NULL: not needed yet */
        bool is_borrowed; /* it is the service's own */
        sd_bus_slot *loss;
        SystemBusFollower *followers;
        Backoff backoff;
};

static bool is_system(sd_bus *bus)
{
        const char *scope;
        return sd_bus_get_scope(bus, &scope) < 0 || !streq(scope, "user");
}

static void tell_to_retry(void *userdata)
{
        const SystemBus *system_bus = userdata;

        for (SystemBusFollower *follower = system_bus->followers; follower; follower = follower->next)
                follower->retry(follower->userdata);
}

int system_bus_new(SystemBus **ret, sd_event *event, sd_bus *bus)
{
        SystemBus *system_bus = calloc(1, sizeof(SystemBus));
        if (!system_bus)
                return -ENOMEM;
        system_bus->event = sd_event_ref(event);
        system_bus->backoff = (Backoff) { .event = event, .retry = tell_to_retry, .userdata = system_bus };
        system_bus->is_borrowed = is_system(bus);
        system_bus->bus = system_bus->is_borrowed ? sd_bus_ref(bus) : NULL;
        *ret = system_bus;
        return 0;
}

SystemBus *system_bus_free(SystemBus *system_bus)
{
        if (!system_bus)
                return NULL;
        backoff_reset(&system_bus->backoff);
        sd_bus_slot_unref(system_bus->loss);
        if (system_bus->is_borrowed)
                sd_bus_unref(system_bus->bus);
        else
                sd_bus_flush_close_unref(system_bus->bus);
        sd_event_unref(system_bus->event);
        free(system_bus);
        return NULL;
}

void system_bus_follow(SystemBus *system_bus, SystemBusFollower *follower)
{
        follower->next = system_bus->followers;
        system_bus->followers = follower;
}

static int on_loss(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        SystemBus *system_bus = userdata;
        (void)signal, (void)error;

        for (SystemBusFollower *follower = system_bus->followers; follower; follower = follower->next)
                follower->lost(follower->userdata);
        backoff_later(&system_bus->backoff);
        return 0;
}

static int connect_anew(SystemBus *system_bus)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *loss = NULL;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;

        int r = sd_bus_open_system_with_description(&bus, "imagined-system");
        if (r >= 0)
                r = sd_bus_attach_event(bus, system_bus->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                bus, &loss, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_loss, NULL, system_bus);
        if (r < 0)
                return r;
        sd_bus_slot_unref(system_bus->loss);
        sd_bus_unref(system_bus->bus);
        system_bus->loss = TAKE_PTR(loss);
        system_bus->bus = TAKE_PTR(bus);
        backoff_reset(&system_bus->backoff);
        return 0;
}

int system_bus_reach(SystemBus *system_bus, sd_bus **ret)
{
        if (!system_bus->is_borrowed && !(system_bus->bus && sd_bus_is_open(system_bus->bus) > 0)) {
                int r = connect_anew(system_bus);
                if (r < 0) {
                        backoff_later(&system_bus->backoff);
                        return r;
                }
        }
        *ret = sd_bus_ref(system_bus->bus);
        return 0;
}

int system_bus_watch_owner(
                sd_bus *bus, sd_bus_slot **slot, const char *name, sd_bus_message_handler_t handler, void *userdata)
{
        char match[256];

        (void)snprintf(
                        match, sizeof(match),
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        name);
        return sd_bus_add_match_async(bus, slot, match, handler, NULL, userdata);
}

bool system_bus_read_owner(sd_bus_message *signal, const char **ret)
{
        const char *sender = sd_bus_message_get_sender(signal), *now;

        if (!sender || !streq(sender, "org.freedesktop.DBus") || sd_bus_message_read(signal, "sss", NULL, NULL, &now) < 0)
                return false;
        *ret = now;
        return true;
}

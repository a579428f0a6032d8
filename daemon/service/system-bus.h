/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system bus, for what the machine tells: the service's own connection, or for a user's instance another one, made when it
 * is needed first and anew when it was lost.
 *
 *     system_bus_new(&system_bus, event, bus);
 *     system_bus_follow(system_bus, &follower);
 *     system_bus_reach(system_bus, &connection);        a new reference; it may be another one the next time
 *     system_bus_watch_owner(connection, &slot, "org.freedesktop.UPower", on_owner, userdata); */

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct SystemBus SystemBus;

/* bus: the service's own. */
int system_bus_new(SystemBus **ret, sd_event *event, sd_bus *bus);
SystemBus *system_bus_free(SystemBus *system_bus);
DEFINE_CLEANUP(SystemBus *, system_bus_free)

/* Who uses it; kept until the system bus is freed. (The machine's instance ends when it loses its bus.) */
typedef struct SystemBusFollower {
        void (*lost)(void *userdata); /* the connection: nobody tells anything any more */
        void (*retry)(void *userdata); /* it was lost or could not be had: time to reach for it again, if it is still needed */
        void *userdata;
        struct SystemBusFollower *next;
} SystemBusFollower;

void system_bus_follow(SystemBus *system_bus, SystemBusFollower *follower);

/* When that fails, followers are told later to retry. */
int system_bus_reach(SystemBus *system_bus, sd_bus **ret);

/* Calls the handler when somebody takes or leaves that name; it reads the signal with system_bus_read_owner(). */
int system_bus_watch_owner(
                sd_bus *bus, sd_bus_slot **slot, const char *name, sd_bus_message_handler_t handler, void *userdata);

/* Who has the name now; "": nobody. False: the signal is not the bus's. */
bool system_bus_read_owner(sd_bus_message *signal, const char **ret);

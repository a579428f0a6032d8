/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors that are on their way to callers. A system bus stops reading from a service while 64 of its descriptors wait
 * for readers (max_incoming_unix_fds), so one caller that fetches pictures and does not read would silence the service for
 * everybody. Hence only some are sent to a user before a Ping, which every library answers, shows that they were read; the
 * calls that come then wait. A session bus has no such limit, and its one user would only disturb himself. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct Handouts Handouts;

/* Handles a call again that had to wait. */
typedef void (*handouts_retry_t)(sd_bus_message *call, void *userdata);

int handouts_new(Handouts **ret, sd_bus *bus, handouts_retry_t retry, void *userdata);
Handouts *handouts_free(Handouts *handouts);
DEFINE_CLEANUP(Handouts *, handouts_free)

/* How many may be unread; none before this was called. */
void handouts_set_limits(Handouts *handouts, uint64_t per_user, uint64_t total);

/* Whether one more descriptor may go to this user now. */
bool handouts_have_room(const Handouts *handouts, uid_t uid);

/* A reply with a descriptor has just been sent to this connection. */
void handouts_sent(Handouts *handouts, const char *name, uid_t uid);

/* Keeps a call until there is room. -EDQUOT: too many wait. */
int handouts_wait(Handouts *handouts, sd_bus_message *call, uid_t uid);

/* The connection has left. */
void handouts_forget_connection(Handouts *handouts, const char *name);

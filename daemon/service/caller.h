/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who calls: the uid of a connection and, on the session bus, the app that it belongs to. Both are asked of the bus and of
 * the kernel once, never of the caller, and kept until the connection leaves. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct Callers Callers;

/* Called when a connection has left the bus, whether it ever called or not. */
typedef void (*caller_gone_t)(const char *name, void *userdata);

int callers_new(Callers **ret, sd_bus *bus, caller_gone_t gone, void *userdata);
Callers *callers_free(Callers *callers);
DEFINE_CLEANUP(Callers *, callers_free)

/* The uid behind a message. Blocks for one round trip at a connection's first call. */
int callers_uid(Callers *callers, sd_bus_message *message, uid_t *ret);

/* The app of a connection that callers_uid has seen: "" if none is known. It is the caller's until it leaves. */
const char *callers_app(Callers *callers, sd_bus_message *message);

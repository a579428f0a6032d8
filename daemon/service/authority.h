/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a caller may do what goes beyond his own jobs. On the system bus polkit decides, asked asynchronously, and with a
 * dialog only where the caller allows one; root may always, and without polkit root alone. On a session bus there is only
 * one user, who may. */

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct Authority Authority;

/* The caller may: does what the call asks for and answers it, as a method handler does, with the userdata of
 * authority_ask. */
typedef int (*authorized_t)(sd_bus_message *call, void *userdata, sd_bus_error *error);

int authority_new(Authority **ret, sd_bus *bus);
Authority *authority_free(Authority *authority);
DEFINE_CLEANUP(Authority *, authority_free)

/* For method handlers, which return what this returns: calls `go_on` now or later, or answers with AccessDenied or, where
 * a dialog would be needed that the caller has not allowed, InteractiveAuthorizationRequired. LimitsExceeded: too many
 * questions are open. */
int authority_ask(
                Authority *authority, sd_bus_message *call, uid_t uid, const char *action, authorized_t go_on,
                void *userdata, sd_bus_error *error);

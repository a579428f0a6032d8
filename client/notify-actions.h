/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can be done with finished pictures from outside of a window. All of it is started and goes its own way. */

#include <stddef.h>
#include <systemd/sd-bus.h>

#define ACTION_DEFAULT "default" /* a click on the notification itself */
#define ACTION_OPEN "open"
#define ACTION_SHOW "show"
#define ACTION_VARY "vary"
#define ACTION_CANCEL "cancel"
#define ACTION_AGAIN "again"

/* key: one of the above but cancel and again, others do nothing. paths: absolute, up to NULL. session: where file managers are. */
void notify_act(sd_bus *session, const char *key, char *const *paths);

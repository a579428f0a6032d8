/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells when memory becomes short, by systemd's protocol: $MEMORY_PRESSURE_WATCH names a file (a pressure file of the
 * kernel's: POLLPRI) or a FIFO or socket (POLLIN), /dev/null means not to watch, and $MEMORY_PRESSURE_WRITE, in base64, is
 * what to write to it first. Without the variable the pressure file of the service's own cgroup is watched where it may be
 * written to. */

#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Pressure Pressure;
typedef void (*pressure_handler_t)(void *userdata);

/* The handler is called at most once a second. 0 also where there is nothing to watch. */
int pressure_new(Pressure **ret, sd_event *event, pressure_handler_t handler, void *userdata);
Pressure *pressure_free(Pressure *pressure);
DEFINE_CLEANUP(Pressure *, pressure_free)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* logind's word that the machine falls asleep, or has woken up, and ours to logind that it shall not while there is work. It
 * need not be there; nothing waits for it.
 *
 *     sleep_new(&sleep, event, system_bus, on_sleep, userdata);
 *     sleep_set_config(sleep, config);
 *     sleep_set_busy(sleep, true);             sleep is heard of from now on, and inhibited if configured */

#include "config.h"
#include "service/system-bus.h"

typedef struct Sleep Sleep;
/* Told while there is work. */
typedef void (*sleep_told_t)(bool asleep, void *userdata);

int sleep_new(Sleep **ret, sd_event *event, SystemBus *system_bus, sleep_told_t told, void *userdata);
Sleep *sleep_free(Sleep *sleep);
DEFINE_CLEANUP(Sleep *, sleep_free)

/* Reads inhibit_sleep. */
void sleep_set_config(Sleep *sleep, const Config *config);

void sleep_set_busy(Sleep *sleep, bool busy);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Electricity, as the system bus tells: whether it is to be saved (UPower's OnBattery, the profile power-saver of
 * power-profiles-daemon), a word to logind that the machine shall not fall asleep while there is work, and its word that it
 * does. None of these needs to be there; nothing waits for them.
 *
 *     power_new(&power, event, bus, on_changed, on_sleep, userdata);
 *     power_set_config(power, config);         on_changed() follows, as often as the answer is another one
 *     if (power_is_short(power)) …
 *     power_set_busy(power, true);             sleep is inhibited from now on, if configured */

#include <systemd/sd-bus.h>

#include "config.h"

typedef struct Power Power;
typedef void (*power_changed_t)(void *userdata);
/* logind says that the machine falls asleep, or that it has woken up; told while there is work. */
typedef void (*power_sleeps_t)(bool asleep, void *userdata);

/* bus: the service's own. One of a user gets a connection to the system bus when there is work, or the configuration needs
 * it. */
int power_new(
                Power **ret, sd_event *event, sd_bus *bus, power_changed_t changed, power_sleeps_t sleeps, void *userdata);
Power *power_free(Power *power);
DEFINE_CLEANUP(Power *, power_free)

/* Reads on_battery and inhibit_sleep. */
void power_set_config(Power *power, const Config *config);

/* False where it is not watched. */
bool power_is_short(const Power *power);

void power_set_busy(Power *power, bool busy);

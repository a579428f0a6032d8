/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether electricity is to be saved, as the system bus tells: UPower's OnBattery, the profile power-saver of
 * power-profiles-daemon. Neither needs to be there; nothing waits for them.
 *
 *     power_new(&power, system_bus, on_changed, userdata);
 *     power_set_config(power, config);         on_changed() follows, as often as the answer is another one
 *     if (power_is_short(power)) … */

#include "config.h"
#include "service/system-bus.h"

typedef struct Power Power;
typedef void (*power_changed_t)(void *userdata);

int power_new(Power **ret, SystemBus *system_bus, power_changed_t changed, void *userdata);
Power *power_free(Power *power);
DEFINE_CLEANUP(Power *, power_free)

/* Reads on_battery. */
void power_set_config(Power *power, const Config *config);

/* False where it is not watched. */
bool power_is_short(const Power *power);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* GetBudget of the Manager. */

#include <systemd/sd-bus.h>

int manager_get_budget(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListProviders and CheckProvider of the Manager. */

#include <systemd/sd-bus.h>

int manager_list_providers(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_check_provider(sd_bus_message *call, void *userdata, sd_bus_error *error);

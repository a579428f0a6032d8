/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListServers and SetConsent of the Manager. */

#include <systemd/sd-bus.h>

int manager_list_servers(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_set_consent(sd_bus_message *call, void *userdata, sd_bus_error *error);

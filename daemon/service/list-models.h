/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.ListModels: what is installed, and what is known of it. */

#include <systemd/sd-bus.h>

int manager_list_models(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Import of the Manager: pictures that somebody has had drawn elsewhere by hand, finished and stamped as if we had asked. */

#include <systemd/sd-bus.h>

int manager_import(sd_bus_message *call, void *userdata, sd_bus_error *error);

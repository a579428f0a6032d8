/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.Generate: the call read into one plain Request, checked as far as the service can, and queued. */

#include <systemd/sd-bus.h>

int manager_generate(sd_bus_message *call, void *userdata, sd_bus_error *bus_error);

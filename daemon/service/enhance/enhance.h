/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.Enhance: the call read into one JSON request (prompts/enhance.h), and queued. */

#include <systemd/sd-bus.h>

int manager_enhance(sd_bus_message *call, void *userdata, sd_bus_error *bus_error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.Generate: the call read into one plain Request, checked as far as the service can, and queued. */

#include <systemd/sd-bus.h>

#include "queue/job.h"

int manager_generate(sd_bus_message *call, void *userdata, sd_bus_error *bus_error);

/* A call whose descriptors had to be copied first (intake.h). */
void manager_generate_ready(sd_bus_message *call, JobInput inputs[INPUT_MAX], const Error *failure, void *userdata);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.ListAllJobs and Manager.CancelJob: what administrators may see and end of other users' jobs. */

#include <systemd/sd-bus.h>

int manager_list_all_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error);
int manager_cancel_job(sd_bus_message *call, void *userdata, sd_bus_error *error);

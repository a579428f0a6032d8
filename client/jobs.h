/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/job.h"

/* The user's jobs, oldest first, with all their properties, in an array to free. CODE_OK, or what has been
 * reported. */
ExitCode jobs_list(Client *client, JobInfo **ret, size_t *ret_count);

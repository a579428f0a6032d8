/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The descriptors of a Generate call. A job keeps sealed memfds, whose bytes nobody changes: what comes as one is taken as it
 * is, everything else is copied first (workers/copy.h), and the call is answered when that is done. Nothing here looks at
 * what they hold. */

#include <systemd/sd-bus.h>

#include "queue/job.h"

typedef struct Intake Intake;

/* A call whose descriptors were copied, or could not be (error is not NULL then). The inputs are the handler's. */
typedef void (*intake_ready_t)(sd_bus_message *call, JobInput inputs[INPUT_MAX], const Error *error, void *userdata);

int intake_new(Intake **ret, sd_event *event, intake_ready_t ready, void *userdata);
Intake *intake_free(Intake *intake);
DEFINE_CLEANUP(Intake *, intake_free)

/* fds: -1 where there is none; they are the call's. 1: here they are; 0: the call is kept, and ready() will have them;
 * -EINVAL, -EDQUOT (too many calls wait) with a sentence. */
int intake_take(
                Intake *intake, sd_bus_message *call, uid_t uid, const int fds[INPUT_MAX], JobInput ret[INPUT_MAX],
                Error *error);

/* The connection has left. */
void intake_forget_connection(Intake *intake, const char *name);

void inputs_close(JobInput inputs[INPUT_MAX]);

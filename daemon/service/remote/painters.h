/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs that others draw (policy.remote): a few run at a time, beside the picture at work, and no more at one provider than it
 * is given at a time (parallel); the others wait. */

#include <systemd/sd-event.h>

#include "queue/job.h"

struct Service;
typedef struct Painters Painters;

int painters_new(Painters **ret, struct Service *service);
Painters *painters_free(Painters *painters);

/* Begins what waits, as soon as the event loop is reached again. */
void painters_schedule(Painters *painters);

/* The job ends: nothing more is done for it, and what it would cost is settled. */
void painters_forget(Painters *painters, Job *job, JobState state);

/* A caller wants to see how far it is: the next partial picture, if there is one. */
void painters_want_preview(Painters *painters, const Job *job);

/* Fails them all, and begins no other. */
void painters_stop(Painters *painters, const Error *error);

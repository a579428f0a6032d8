/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs that write prompts: a few run at a time, beside the picture at work; the others wait for one of them to end. */

#include <systemd/sd-event.h>

#include "queue/job.h"

struct Service;
typedef struct Enhancers Enhancers;

int enhancers_new(Enhancers **ret, struct Service *service);
Enhancers *enhancers_free(Enhancers *enhancers);

/* Begins what waits, as soon as the event loop is reached again. */
void enhancers_schedule(Enhancers *enhancers);

/* The job ends: nothing more is done for it. */
void enhancers_forget(Enhancers *enhancers, const Job *job);

/* Fails them all, and begins no other. */
void enhancers_stop(Enhancers *enhancers, const Error *error);

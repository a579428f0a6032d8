/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job at work elsewhere: what it starts from is made ready, the server is asked, and each picture that comes is finished by
 * a worker of its own. One step follows the other:
 *
 *     parts … -> ask -> (partial picture -> preview) … (picture -> finished picture) … -> ended */

#include "queue/job.h"
#include "service/remote/finishing.h"

struct Service;
typedef struct Painting Painting;

/* Once, last of all: NULL when every picture is there. again: nothing has come of it and nothing was paid, so that another one
 * may be asked. The handler frees the painting. */
typedef void (*painted_t)(Painting *painting, const Error *error, bool again, void *userdata);

int painting_new(Painting **ret, struct Service *service, Job *job, painted_t done, void *userdata, Error *error);
Painting *painting_free(Painting *painting);
DEFINE_CLEANUP(Painting *, painting_free)

uint64_t painting_serial(const Painting *painting); /* of the job */

/* What it has cost so far as anybody can know; MONEY_UNKNOWN: it may be what was reserved. One that is at work is at its end. */
int64_t painting_cost(const Painting *painting);

void painting_want_preview(Painting *painting);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings queue and worker together: whose turn it is, parking, what the worker says about it, and cancelling. */

#include "queue/pace.h"
#include "service/forward/forward.h"
#include "workers/protocol.h"

struct Service;
typedef struct Runner Runner;

int runner_new(Runner **ret, struct Service *service);
Runner *runner_free(Runner *runner);
DEFINE_CLEANUP(Runner *, runner_free)

/* Looks, as soon as the event loop is reached again, whether there is something to begin. */
void runner_schedule(Runner *runner);

/* Lets go of the job and begins no other. */
void runner_stop(Runner *runner);

/* A job is being worked on by the worker here, or the worker has not yet let go of one that was cancelled. */
bool runner_is_busy(const Runner *runner);

/* Ends a job that has not ended: a waiting one at once, a running one when the worker confirms it or after 200 ms. */
void runner_cancel(Runner *runner, Job *job);
void runner_cancel_now(Runner *runner, Job *job);

/* Asks for a picture after the next step of a running job. */
void runner_want_preview(Runner *runner, const Job *job);

/* What the worker says about the job it is at; takes fd. */
void runner_hear(Runner *runner, const Message *message, int fd);

/* The worker is lost, or could not be had for this model. */
void runner_lost(Runner *runner, const char *model, const Error *error, bool hopeless);

/* How long pictures take here. */
const Pace *runner_pace(const Runner *runner);

/* The job whose turn it is; NULL: none. */
const Job *runner_job(const Runner *runner);

/* What the machine's instance tells of the job that was forwarded to it; that it will not tell any more. */
void runner_away_state(Runner *runner, JobState state, uint32_t step, uint64_t expected_end);
void runner_away_lost(Runner *runner, ForwardLoss loss, const Error *error);

/* A job has ended here: it is no use any more elsewhere. */
void runner_forget(Runner *runner, const Job *job);

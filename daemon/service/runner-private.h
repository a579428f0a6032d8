/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What runner.c (whose turn it is) and runner-hear.c (what the worker says) share. */

#include "service/decoding.h"
#include "service/job.h"

/* Workers that one job may cost: the first may have died of something else. */
#define DEATHS_OF_A_JOB 2

struct Runner {
        Service *service;
        sd_event_source *defer;
        Job *job; /* whose turn it is; NULL: none, or it has ended before the worker let go of it */
        Decoding *decoding; /* of the pictures that it starts from; NULL: it has none, or its worker has them */
        uint64_t serial; /* what the worker is at; 0: nothing */
        uint32_t count; /* pictures that it must send */
        uint64_t keep_alive;
        bool away; /* it is at the machine's instance */
        bool wait_is_known; /* how long it has to wait there was learned */
        bool cancelling, parking; /* the worker was told */
        sd_event_source *grace, *patience; /* until the job is called cancelled; until the worker is killed */
        Pace pace;
        PaceWatch watch; /* of what the worker is at */
};

/* Ends the job at work. */
void runner_finish(Runner *runner, JobState state, const Error *error);

/* Puts the job whose turn it is back into the queue. */
void runner_requeue(Runner *runner);

/* The worker is free for the next job. */
void runner_let_go(Runner *runner);

void runner_tell_worker_to_cancel(Runner *runner);

/* runner-away.c: whether a job goes to the machine's instance; the one whose turn it is does; it gives way there. */
bool runner_forwards(const Runner *runner, const Job *job);
void runner_hand_over(Runner *runner);
void runner_shelve(Runner *runner);

/* Whether the job whose turn it is waits again: for one of a better class, or because it is held; how power is saved
 * elsewhere is not our affair. */
bool runner_must_give_way(const Runner *runner);

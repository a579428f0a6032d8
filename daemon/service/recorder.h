/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes down how each picture of a user's instance was made, in that user's records (records/records.h); the machine's
 * instance, which serves many, keeps none. No picture waits for it: while somebody else writes, what is to be written
 * waits and is tried again; where it cannot be written at all, the log says so, without what it was. */

#include "queue/job.h"

struct Service;
typedef struct Recorder Recorder;

int recorder_new(Recorder **ret, struct Service *service);

/* What still waits is tried once more. */
Recorder *recorder_free(Recorder *recorder);
DEFINE_CLEANUP(Recorder *, recorder_free)

/* Digests of models are known now that were not: those of pictures that were made before are put down. */
void recorder_follow_digests(Recorder *recorder);

/* That picture of the job is finished. Its id is in it afterwards, if it is recorded. */
void recorder_note(Recorder *recorder, Job *job, uint32_t index);

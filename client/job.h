/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job as the client knows it: its properties, filled in from GetAll and kept up by Updated. */

#include <jansson.h>

#include "client/bus.h"

typedef enum JobState {
        JOB_QUEUED,
        JOB_LOADING,
        JOB_RUNNING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        JOB_UNKNOWN, /* of a newer service */
} JobState;

typedef struct JobInfo {
        uint32_t id;
        char path[256];
        char state[16], stage[16], model[128], sampler[32], schedule[32], priority[16];
        char provider[64]; /* "" of an older service */
        double progress; /* 0 to 1 */
        double guidance; /* negative: not known yet */
        uint32_t step, steps, count, pictures, queue_position;
        uint32_t width, height; /* 0: not known yet */
        uint32_t prompt_tokens, prompt_chunks, truncated_tokens;
        uint64_t seed;
        uint64_t created, expected_end, expires; /* microseconds since 1970; 0: unknown */
        bool detached;
        char error_name[128], error_message[512]; /* of a failed job */
} JobInfo;

JobState job_state(const JobInfo *job);
/* The name of a state (JobInfo.state) in the user's language. */
const char *job_state_text(const char *state);

static inline bool job_has_ended(const JobInfo *job)
{
        JobState state = job_state(job);
        return state >= JOB_DONE && state <= JOB_CANCELLED;
}

/* Takes over what stands in the a{sv} at the message's place; keys that it does not know are skipped, values
 * of the wrong type are -EBADMSG. */
int job_read(JobInfo *job, sd_bus_message *message);

/* Likewise for the arguments of the signal Finished; the state is one in which a job has ended afterwards.
 */
int job_read_finished(JobInfo *job, sd_bus_message *message);

/* Finds the user's job of that number (a word of the command line) and reads its properties. CODE_OK, or
 * what has been reported. */
ExitCode job_find(Client *client, const char *id, JobInfo *ret);

/* Reads all properties of the job at job->path. 0 or a negative errno, with error. */
int job_refresh(Client *client, JobInfo *job, sd_bus_error *error);

/* The job as --json shows it, without its pictures; NULL if memory is short. */
json_t *job_to_json(const JobInfo *job);

/* "Seed 7, 256x256, 30 steps, euler, guidance 7.5, sprites": what is known so far. */
void job_describe(const JobInfo *job, char *buffer, size_t size);

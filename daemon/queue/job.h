/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job from the request to its pictures: what was asked for, how far it is, and what came of it. The queue owns its
 * jobs; see queue.h for what may be done with them. */

#include <sys/types.h>

#include "base/provenance.h"
#include "base/request.h"

#define MODEL_NAME_MAX 63 /* bytes of [A-Za-z0-9._-]+ */

typedef enum JobState {
        JOB_QUEUED,
        JOB_LOADING, /* its turn has come and its model is being loaded */
        JOB_RUNNING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        JOB_STATE_MAX,
} JobState;

/* The order in which classes are served. */
typedef enum Priority {
        PRIORITY_INTERACTIVE,
        PRIORITY_NORMAL,
        PRIORITY_BATCH,
        PRIORITY_MAX,
} Priority;

/* Returns the priority, or -EINVAL. */
int priority_from_string(const char *name);
const char *priority_to_string(Priority priority);

typedef struct Picture {
        int fd; /* a sealed memfd that holds a picture of the job's format */
        uint64_t size; /* bytes */
        uint32_t width, height;
        uint64_t seed;
        char pixels[65]; /* their SHA-256 (workers/protocol.h); "": not known */
        char tokenizer[65]; /* digest of it (workers/protocol.h); "": not known */
        uint32_t precision; /* PRECISION_AUTO: not known */
        char record[11]; /* its id in the user's records; "": none */
} Picture;

/* A picture that a job starts from, as it came. */
typedef struct JobInput {
        int fd; /* a sealed memfd with a PNG, JPEG or WebP, for all that is known; -1: none */
        uint64_t size; /* bytes */
} JobInput;

/* How a job is to be treated, as opposed to what it shall draw. */
typedef struct JobPolicy {
        char model[MODEL_NAME_MAX + 1];
        Priority priority;
        bool detach; /* outlives its caller */
        uint64_t keep_alive; /* seconds for which the model stays afterwards; 0: as configured */
        bool writes; /* prompts: it needs no model, and waits for no other job (service/enhance) */
        bool remote; /* another generator draws: likewise (service/remote) */
        bool dry; /* of these: its results are what would be sent */
} JobPolicy;

/* Where an interrupted job goes on. */
typedef struct Standing {
        int fd; /* a sealed memfd that the engine understands; -1: at the beginning of a picture */
        uint32_t picture, step;
} Standing;

typedef struct Job {
        /* who and what */
        uid_t uid;
        struct App *app; /* users.h; NULL once the job has ended */
        uint32_t id; /* counts this user's jobs, from 1 */
        uint64_t serial; /* counts all jobs, from 1; never shown to callers */
        JobPolicy policy;
        bool varies; /* the seed stays, its variation goes on */
        Request *request; /* NULL once the job has ended */
        char *ask; /* of one that writes: what for, as JSON; NULL once it has ended */
        struct Commission *commission; /* of one that others may draw: to whom it is given (service/remote); plain */
        JobInput inputs[INPUT_MAX]; /* likewise without descriptors then */
        uint32_t count, preview_every;
        PictureFormat format;
        uint64_t seed; /* of the first picture */

        /* how far it is */
        JobState state;
        Resolved resolved; /* as asked for until the worker has reported: zeros, guidance negative where left open */
        uint32_t stage, step; /* steps of denoising done */
        double progress; /* 0 to 1, never decreasing */
        uint64_t created; /* CLOCK_REALTIME, µs */
        uint64_t begun, ended; /* CLOCK_MONOTONIC, µs; 0: not yet */
        uint64_t spent; /* µs at work before it was last begun */
        uint32_t place; /* of a queued job: in how manieth place it will begin, from 1 */
        Standing standing; /* of one that was parked, or whose worker died */
        uint64_t user_turn, app_turn; /* when it was begun: to give the turns back */
        unsigned deaths; /* of workers at this job */
        uint64_t foretold; /* CLOCK_MONOTONIC, µs: when another instance that works on it says that it ends; 0: none does */
        bool at_home; /* no other instance is to work on it */

        /* what came of it */
        Picture *pictures; /* room for count */
        uint32_t n_pictures;
        bool dropped; /* the pictures had to go before their time */
        Error error; /* of a failed job */
        Provenance *provenance; /* who drew, and on which terms; NULL: drawn here, without a choice */

        void *userdata; /* of the one who added it */
        struct Job *next, *previous; /* in the queue, oldest first */
} Job;

static inline bool job_state_is_final(JobState state)
{
        return state >= JOB_DONE;
}

/* Whether it runs beside the job at work, and waits for none of those. */
static inline bool job_is_beside(const Job *job)
{
        return job->policy.writes || job->policy.remote;
}

/* A queued job for that request; takes a copy. 0 or -ENOMEM. */
int job_new(Job **ret, const Request *request, const JobPolicy *policy);
Job *job_free(Job *job);
DEFINE_CLEANUP(Job *, job_free)

/* Closes the pictures; returns how many bytes that frees. */
uint64_t job_drop_pictures(Job *job);

/* Takes over what a worker reports. Progress never goes back. */
void job_set_resolved(Job *job, const Resolved *resolved);
void job_presume(Job *job, const Resolved *defaults); /* what was left open, before the worker has spoken */
void job_set_progress(Job *job, Stage stage, uint32_t step, double fraction);

/* Takes the descriptor, in the place of the one before. */
void job_set_standing(Job *job, int fd, uint32_t picture, uint32_t step);

/* Whether it was interrupted and has work behind it. */
bool job_is_parked(const Job *job);

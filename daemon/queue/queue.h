/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who runs next, and how long results are kept. It knows no bus and no engine:
 *
 *     queue_add(queue, request, policy, uid, app, &job, &error);
 *     while ((job = queue_next(queue))) {
 *             queue_begin(queue, job, JOB_RUNNING, now);
 *             …  queue_add_picture(queue, job, &picture, &error);
 *             queue_finish(queue, job, JOB_DONE, NULL, now);
 *     }
 *     queue_expire(queue, now);
 *
 * Order: interactive before normal before batch; inside a class users take turns, then the apps of each user, and each
 * app's jobs run in the order in which they came. A job that runs gives way to one of a better class (queue_should_park): it
 * is parked, queues again, and its turn is still its own. Every time is CLOCK_MONOTONIC in µs and comes from the caller. */

#include "queue/job.h"

typedef struct QueueLimits {
        uint64_t jobs_per_user, jobs_total; /* that have not ended */
        uint64_t interactive_per_app; /* of these */
        uint64_t finished_per_user; /* that have ended and are remembered */
        uint64_t pictures_per_user, pictures_total;
        uint64_t result_bytes_per_user, result_bytes_total;
        uint64_t input_bytes_per_user, input_bytes_total; /* of pictures that jobs start from which have not ended */
        uint64_t result_seconds; /* for which an ended job is remembered */
} QueueLimits;

typedef struct Queue Queue;

/* Called for each job that leaves the queue, just before it is freed. */
typedef void (*queue_removed_t)(Job *job, void *userdata);

int queue_new(Queue **ret, const QueueLimits *limits, queue_removed_t removed, void *userdata);
Queue *queue_free(Queue *queue);
DEFINE_CLEANUP(Queue *, queue_free)

/* New limits hold for what comes; running jobs and kept results that exceed them go at the next queue_expire. */
void queue_set_limits(Queue *queue, const QueueLimits *limits);

/* app: what the system calls the caller's, "" if it knows none. -EDQUOT with a sentence that names the limit, or
 * -ENOMEM. */
int queue_add(
                Queue *queue, const Request *request, const JobPolicy *policy, uid_t uid, const char *app, Job **ret,
                Error *error);

/* A job that a process before this one had, with the numbers that it had there, in the order of these: queued, whatever the
 * limits say now. */
int queue_restore(
                Queue *queue, const Request *request, const JobPolicy *policy, uid_t uid, const char *app, uint32_t id,
                uint64_t serial, Job **ret);

/* A picture that a job which has not begun starts from; takes fd when it succeeds. -EDQUOT with a sentence that names the
 * limit. */
int queue_add_input(Queue *queue, Job *job, Input input, int fd, uint64_t size, Error *error);

/* Jobs of the class batch wait, whether there are others or not, until it is taken back. */
void queue_hold_batch(Queue *queue, bool hold);
bool queue_is_held(const Queue *queue, const Job *job);

/* The job whose turn it is, still queued; NULL: none waits but for what is held. */
Job *queue_next(const Queue *queue);

/* Of the jobs that others draw (policy.remote), whose turn it is of those that may begin; the order is the same. */
Job *queue_next_remote(const Queue *queue, bool (*may_begin)(const Job *job, void *userdata), void *userdata);

/* Whether a job that has begun should give way to one that waits. */
bool queue_should_park(const Queue *queue, const Job *job);

/* The job's turn has come: state is JOB_LOADING or JOB_RUNNING. */
void queue_begin(Queue *queue, Job *job, JobState state, uint64_t now);

/* A job that has begun waits again, to go on from its standing when it is its turn. */
void queue_park(Queue *queue, Job *job, uint64_t now);

/* A job that others could not draw (policy.remote) waits for the resident model. */
void queue_come_home(Queue *queue, Job *job);

/* Takes picture->fd when it succeeds. Where space is short the oldest results go first. -EDQUOT: does not fit even
 * so. -EOVERFLOW: more than the job asked for. */
int queue_add_picture(Queue *queue, Job *job, const Picture *picture, Error *error);

/* Ends the job: done, failed (with the error) or cancelled. Pictures that it has are kept in any case. */
void queue_finish(Queue *queue, Job *job, JobState state, const Error *error, uint64_t now);

/* Forgets a job and closes its pictures. */
void queue_remove(Queue *queue, Job *job);

/* Forgets what has been kept long enough. */
void queue_expire(Queue *queue, uint64_t now);

/* When the next job expires; UINT64_MAX: none will. */
uint64_t queue_next_expiry(const Queue *queue);
uint64_t queue_job_expiry(const Queue *queue, const Job *job); /* 0: it has not ended */

/* NULL: none, or of another user. */
Job *queue_find(const Queue *queue, uid_t uid, uint32_t id);
Job *queue_find_serial(const Queue *queue, uint64_t serial);

/* All jobs, oldest first; job->next leads on. */
Job *queue_first(const Queue *queue);

/* How many of the same user's queued jobs come before it. Says nothing about other users. */
uint32_t queue_position(const Queue *queue, const Job *job);

/* In how manieth place of all a queued job will begin, as things stand: from 1; 0: it is not queued. */
uint32_t queue_place(const Queue *queue, const Job *job);

/* Whether other, which has not ended, is worked on before that job, whose place that is. */
bool queue_runs_before(const Queue *queue, const Job *other, uint32_t place, const Job *job);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/util.h"
#include "queue/queue-private.h"

int queue_new(Queue **ret, const QueueLimits *limits, queue_removed_t removed, void *userdata)
{
        Queue *queue = calloc(1, sizeof(Queue));
        if (!queue)
                return -ENOMEM;

        queue->limits = *limits;
        queue->removed = removed;
        queue->userdata = userdata;
        *ret = queue;
        return 0;
}

Queue *queue_free(Queue *queue)
{
        if (!queue)
                return NULL;
        while (queue->first)
                queue_remove(queue, queue->first);
        users_free(queue->users);
        free(queue);
        return NULL;
}

void queue_set_limits(Queue *queue, const QueueLimits *limits)
{
        queue->limits = *limits;
}

static void append(Queue *queue, Job *job)
{
        job->previous = queue->last;
        if (queue->last)
                queue->last->next = job;
        else
                queue->first = job;
        queue->last = job;
}

static int check_limits(const Queue *queue, const User *user, const App *app, Priority priority, Error *error)
{
        const QueueLimits *limits = &queue->limits;

        if (user->n_active >= limits->jobs_per_user)
                return error_set(
                                error, -EDQUOT, "You have %llu jobs waiting, the limit is %llu (jobs_per_user)",
                                (unsigned long long)user->n_active, (unsigned long long)limits->jobs_per_user);
        /* The number of others' jobs is nobody's business. */
        if (queue->n_active >= limits->jobs_total)
                return error_set(error, -EDQUOT, "Too many jobs are waiting (jobs_total); try again later");
        if (priority == PRIORITY_INTERACTIVE && app->n_interactive >= limits->interactive_per_app)
                return error_set(
                                error, -EDQUOT,
                                "This app has %llu interactive jobs waiting, the limit is %llu (interactive_per_app)",
                                (unsigned long long)app->n_interactive,
                                (unsigned long long)limits->interactive_per_app);
        if (user->last_id == UINT32_MAX)
                return error_set(error, -EDQUOT, "The numbers for jobs are used up; restart the service");
        return descriptors_check(error);
}

static void count_active(Queue *queue, User *user, App *app, const Job *job, int by)
{
        queue->n_active += (uint64_t)by;
        user->n_active += (uint64_t)by;
        app->n_active += (uint64_t)by;
        if (job->policy.priority == PRIORITY_INTERACTIVE)
                app->n_interactive += (uint64_t)by;
        queue->is_planned = false;
}

/* From now on it waits: it has an id and a serial, and counts. */
static void enter(Queue *queue, User *user, App *app, Job *job)
{
        job->uid = user->uid;
        job->app = app;
        append(queue, job);
        count_active(queue, user, app, job, 1);
}

int queue_add(
                Queue *queue, const Request *request, const JobPolicy *policy, uid_t uid, const char *app_name, Job **ret,
                Error *error)
{
        User *user;
        App *app;
        Job *job = NULL;

        int r = users_acquire(&queue->users, uid, &user);
        if (r < 0)
                return r;
        r = user_acquire_app(user, app_name, &app);
        if (r < 0)
                return r;
        r = check_limits(queue, user, app, policy->priority, error);
        if (r >= 0)
                r = job_new(&job, request, policy);
        if (r < 0) {
                user_release_app(user, app);
                return r;
        }

        job->id = ++user->last_id;
        job->serial = ++queue->last_serial;
        job->created = clock_usec(CLOCK_REALTIME);
        enter(queue, user, app, job);
        *ret = job;
        return 0;
}

int queue_restore(
                Queue *queue, const Request *request, const JobPolicy *policy, uid_t uid, const char *app_name, uint32_t id,
                uint64_t serial, Job **ret)
{
        User *user;
        App *app;
        Job *job;

        int r = users_acquire(&queue->users, uid, &user);
        if (r < 0)
                return r;
        if (queue_find(queue, uid, id) || serial <= queue->last_serial)
                return -EEXIST;
        r = user_acquire_app(user, app_name, &app);
        if (r < 0)
                return r;
        r = job_new(&job, request, policy);
        if (r < 0) {
                user_release_app(user, app);
                return r;
        }

        job->id = id;
        job->serial = serial;
        user->last_id = MAX(user->last_id, id);
        queue->last_serial = serial;
        enter(queue, user, app, job);
        *ret = job;
        return 0;
}

void queue_begin(Queue *queue, Job *job, JobState state, uint64_t now)
{
        User *user = user_of(queue, job);

        if (job->state == JOB_QUEUED && !job_is_beside(job)) {
                job->user_turn = user->last_turn;
                job->app_turn = job->app->last_turn;
                user->last_turn = job->app->last_turn = ++queue->last_turn;
        }
        if (job->state == JOB_QUEUED && job->policy.remote)
                user->remote_turn = job->app->remote_turn = ++queue->last_turn;
        if (state == JOB_RUNNING)
                job->begun = now;
        job->state = state;
        queue->is_planned = false;
}

void queue_park(Queue *queue, Job *job, uint64_t now)
{
        User *user = user_of(queue, job);

        if (job->state == JOB_RUNNING && now > job->begun)
                job->spent += now - job->begun;
        job->state = JOB_QUEUED;
        /* The turn was not used up, unless another job of theirs has had one since. */
        user->last_turn = MIN(user->last_turn, job->user_turn);
        job->app->last_turn = MIN(job->app->last_turn, job->app_turn);
        queue->is_planned = false;
}

void queue_come_home(Queue *queue, Job *job)
{
        job->policy.remote = false;
        job->state = JOB_QUEUED;
        queue->is_planned = false;
}

/* Of the jobs of a user that ended, only so many are remembered. */
static void forget_surplus(Queue *queue, User *user, const Job *keep)
{
        while (user->n_finished > queue->limits.finished_per_user) {
                Job *oldest = NULL;
                for (Job *job = queue->first; job; job = job->next)
                        if (job != keep && job->uid == user->uid && job_state_is_final(job->state) &&
                            (!oldest || job->ended < oldest->ended))
                                oldest = job;
                if (!oldest)
                        return;
                queue_remove(queue, oldest);
        }
}

/* A job does not wait or run any more. */
static void leave(Queue *queue, User *user, Job *job)
{
        App *app = TAKE_PTR(job->app);

        inputs_drop(queue, job);
        count_active(queue, user, app, job, -1);
        user_release_app(user, app);
}

void queue_finish(Queue *queue, Job *job, JobState state, const Error *error, uint64_t now)
{
        User *user = user_of(queue, job);

        job->state = state;
        job->ended = now;
        if (state == JOB_DONE)
                job->progress = 1;
        if (error)
                job->error = *error;
        free(TAKE_PTR(job->request));
        free(TAKE_PTR(job->ask));
        job_set_standing(job, -1, 0, 0);

        leave(queue, user, job);
        user->n_finished++;
        forget_surplus(queue, user, job);
}

void queue_remove(Queue *queue, Job *job)
{
        User *user = user_of(queue, job);

        if (queue->removed)
                queue->removed(job, queue->userdata);
        results_drop(queue, job);

        if (job_state_is_final(job->state))
                user->n_finished--;
        else
                leave(queue, user, job);

        *(job->previous ? &job->previous->next : &queue->first) = job->next;
        *(job->next ? &job->next->previous : &queue->last) = job->previous;
        job_free(job);
}

uint64_t queue_job_expiry(const Queue *queue, const Job *job)
{
        uint64_t duration;

        if (!job_state_is_final(job->state))
                return 0;
        if (__builtin_mul_overflow(queue->limits.result_seconds, USEC_PER_SEC, &duration) ||
            __builtin_add_overflow(job->ended, duration, &duration))
                return UINT64_MAX;
        return duration;
}

void queue_expire(Queue *queue, uint64_t now)
{
        for (Job *job = queue->first, *next; job; job = next) {
                next = job->next;
                if (job_state_is_final(job->state) && queue_job_expiry(queue, job) <= now)
                        queue_remove(queue, job);
        }
        for (User *user = queue->users; user; user = user->next) {
                forget_surplus(queue, user, NULL);
                (void)results_make_room(queue, user, 0, 0);
        }
}

uint64_t queue_next_expiry(const Queue *queue)
{
        uint64_t earliest = UINT64_MAX;

        for (const Job *job = queue->first; job; job = job->next)
                if (job_state_is_final(job->state))
                        earliest = MIN(earliest, queue_job_expiry(queue, job));
        return earliest;
}

Job *queue_find(const Queue *queue, uid_t uid, uint32_t id)
{
        for (Job *job = queue->first; job; job = job->next)
                if (job->uid == uid && job->id == id)
                        return job;
        return NULL;
}

Job *queue_find_serial(const Queue *queue, uint64_t serial)
{
        for (Job *job = queue->first; job; job = job->next)
                if (job->serial == serial)
                        return job;
        return NULL;
}

Job *queue_first(const Queue *queue)
{
        return queue->first;
}

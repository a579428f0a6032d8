/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "queue/queue-private.h"

static bool comes_before(const Queue *queue, const Job *a, const Job *b)
{
        if (a->policy.priority != b->policy.priority)
                return a->policy.priority < b->policy.priority;
        if (a->uid != b->uid)
                return user_of(queue, a)->planned_turn < user_of(queue, b)->planned_turn;
        if (a->app != b->app)
                return a->app->planned_turn < b->app->planned_turn;
        return false; /* the list is in order of arrival */
}

static Job *find_next(const Queue *queue)
{
        Job *best = NULL;

        for (Job *job = queue->first; job; job = job->next)
                if (job->state == JOB_QUEUED && !job_is_beside(job) && job->place == 0 && (!best || comes_before(queue, job, best)))
                        best = job;
        return best;
}

/* Goes through the turns as they will be taken if nothing changes. */
static void plan(Queue *queue)
{
        uint64_t turn = queue->last_turn;
        uint32_t place = 0;
        Job *job;

        for (User *user = queue->users; user; user = user->next) {
                user->planned_turn = user->last_turn;
                for (App *app = user->apps; app; app = app->next)
                        app->planned_turn = app->last_turn;
        }
        for (job = queue->first; job; job = job->next)
                job->place = 0;
        while ((job = find_next(queue))) {
                job->place = ++place;
                user_of(queue, job)->planned_turn = job->app->planned_turn = ++turn;
        }
        queue->is_planned = true;
}

uint32_t queue_place(const Queue *queue, const Job *job)
{
        /* What it remembers changes nothing that can be seen. */
        if (!queue->is_planned)
                plan((Queue *)queue);
        return job->state == JOB_QUEUED ? job->place : 0;
}

void queue_hold_batch(Queue *queue, bool hold)
{
        queue->holds_batch = hold;
}

bool queue_is_held(const Queue *queue, const Job *job)
{
        return queue->holds_batch && job->policy.priority == PRIORITY_BATCH;
}

Job *queue_next(const Queue *queue)
{
        for (Job *job = queue->first; job; job = job->next)
                if (queue_place(queue, job) == 1) /* batch is the last class: after it nothing else waits */
                        return queue_is_held(queue, job) ? NULL : job;
        return NULL;
}

static bool remote_comes_before(const Queue *queue, const Job *a, const Job *b)
{
        if (a->policy.priority != b->policy.priority)
                return a->policy.priority < b->policy.priority;
        if (a->uid != b->uid)
                return user_of(queue, a)->remote_turn < user_of(queue, b)->remote_turn;
        return a->app != b->app && a->app->remote_turn < b->app->remote_turn;
}

Job *queue_next_remote(const Queue *queue, bool (*may_begin)(const Job *job, void *userdata), void *userdata)
{
        Job *best = NULL;

        for (Job *job = queue->first; job; job = job->next)
                if (job->policy.remote && job->state == JOB_QUEUED && (!best || remote_comes_before(queue, job, best)) &&
                    may_begin(job, userdata))
                        best = job;
        return best;
}

bool queue_should_park(const Queue *queue, const Job *job)
{
        const Job *next = queue_next(queue);
        return next && next->policy.priority < job->policy.priority;
}

bool queue_runs_before(const Queue *queue, const Job *other, uint32_t place, const Job *job)
{
        if (job_is_beside(other))
                return false;
        if (other->state == JOB_QUEUED)
                return place > 0 && queue_place(queue, other) < place;
        /* One that has begun is finished first unless it has to give way. */
        return place > 0 && other->policy.priority <= job->policy.priority;
}

uint32_t queue_position(const Queue *queue, const Job *job)
{
        uint32_t place = queue_place(queue, job), position = 0;

        for (const Job *other = queue->first; other && place > 0; other = other->next)
                if (other->uid == job->uid && other->state == JOB_QUEUED && !job_is_beside(other) && queue_place(queue, other) < place)
                        position++;
        return position;
}

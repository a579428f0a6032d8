/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "queue/queue.h"

/* What is counted for each user. Users are never forgotten: numbers of jobs must not come twice. */
typedef struct User {
        uid_t uid;
        uint32_t last_id;
        uint64_t last_turn; /* when a job of this user began, counted in turns */
        uint64_t n_active, n_finished, n_pictures, bytes;
        struct User *next;
} User;

struct Queue {
        QueueLimits limits;
        queue_removed_t removed;
        void *userdata;
        Job *first, *last;
        User *users;
        uint64_t last_serial, last_turn;
        uint64_t n_active, n_pictures, bytes;
};

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
        while (queue->users) {
                User *user = queue->users;
                queue->users = user->next;
                free(user);
        }
        free(queue);
        return NULL;
}

void queue_set_limits(Queue *queue, const QueueLimits *limits)
{
        queue->limits = *limits;
}

static User *user_find(const Queue *queue, uid_t uid)
{
        for (User *user = queue->users; user; user = user->next)
                if (user->uid == uid)
                        return user;
        return NULL;
}

static int user_acquire(Queue *queue, uid_t uid, User **ret)
{
        User *user = user_find(queue, uid);
        if (!user) {
                user = calloc(1, sizeof(User));
                if (!user)
                        return -ENOMEM;
                user->uid = uid;
                user->next = queue->users;
                queue->users = user;
        }
        *ret = user;
        return 0;
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

int queue_add(
                Queue *queue, const Request *request, const JobPolicy *policy, uid_t uid, Job **ret,
                Error *error)
{
        User *user;
        int r = user_acquire(queue, uid, &user);
        if (r < 0)
                return r;

        if (user->n_active >= queue->limits.jobs_per_user)
                return error_set(
                                error, -EDQUOT, "You have %llu jobs waiting, the limit is %llu (jobs_per_user)",
                                (unsigned long long)user->n_active,
                                (unsigned long long)queue->limits.jobs_per_user);
        /* The number of others' jobs is nobody's business. */
        if (queue->n_active >= queue->limits.jobs_total)
                return error_set(error, -EDQUOT, "Too many jobs are waiting (jobs_total); try again later");
        if (user->last_id == UINT32_MAX)
                return error_set(error, -EDQUOT, "The numbers for jobs are used up; restart the service");

        Job *job;
        r = job_new(&job, request, policy);
        if (r < 0)
                return r;

        job->uid = uid;
        job->id = ++user->last_id;
        job->serial = ++queue->last_serial;
        job->created = clock_usec(CLOCK_REALTIME);
        append(queue, job);
        user->n_active++;
        queue->n_active++;

        *ret = job;
        return 0;
}

static bool comes_before(const Queue *queue, const Job *a, const Job *b)
{
        if (a->policy.priority != b->policy.priority)
                return a->policy.priority < b->policy.priority;
        if (a->uid != b->uid)
                return user_find(queue, a->uid)->last_turn < user_find(queue, b->uid)->last_turn;
        return false; /* the list is in order of arrival */
}

Job *queue_next(Queue *queue)
{
        Job *best = NULL;

        for (Job *job = queue->first; job; job = job->next)
                if (job->state == JOB_QUEUED && (!best || comes_before(queue, job, best)))
                        best = job;
        return best;
}

void queue_begin(Queue *queue, Job *job, JobState state, uint64_t now)
{
        if (job->state == JOB_QUEUED)
                user_find(queue, job->uid)->last_turn = ++queue->last_turn;
        if (state == JOB_RUNNING)
                job->begun = now;
        job->state = state;
}

static void drop_pictures(Queue *queue, Job *job)
{
        User *user = user_find(queue, job->uid);
        uint64_t n = 0;

        for (uint32_t i = 0; i < job->n_pictures; i++)
                n += job->pictures[i].fd >= 0;

        uint64_t freed = job_drop_pictures(job);
        user->bytes -= freed;
        queue->bytes -= freed;
        user->n_pictures -= n;
        queue->n_pictures -= n;
}

static bool exceeds(uint64_t have, uint64_t more, uint64_t limit)
{
        return have > limit || more > limit - have;
}

static bool user_has_room(const Queue *queue, const User *user, uint64_t n, uint64_t size)
{
        return !exceeds(user->bytes, size, queue->limits.result_bytes_per_user) &&
               !exceeds(user->n_pictures, n, queue->limits.pictures_per_user);
}

static bool queue_has_room(const Queue *queue, uint64_t n, uint64_t size)
{
        return !exceeds(queue->bytes, size, queue->limits.result_bytes_total) &&
               !exceeds(queue->n_pictures, n, queue->limits.pictures_total);
}

/* Drops the pictures of the job that ended first, of that user (or of any: NULL). False: nothing is left to drop. */
static bool drop_oldest(Queue *queue, const User *user)
{
        Job *oldest = NULL;

        for (Job *job = queue->first; job; job = job->next)
                if (job_state_is_final(job->state) && !job->dropped && job->n_pictures > 0 &&
                    (!user || job->uid == user->uid) && (!oldest || job->ended < oldest->ended))
                        oldest = job;
        if (!oldest)
                return false;

        drop_pictures(queue, oldest);
        oldest->dropped = true;
        return true;
}

/* For n pictures more, of so many bytes together. */
static bool make_room(Queue *queue, const User *user, uint64_t n, uint64_t size)
{
        while (!user_has_room(queue, user, n, size))
                if (!drop_oldest(queue, user))
                        return false;
        while (!queue_has_room(queue, n, size))
                if (!drop_oldest(queue, NULL))
                        return false;
        return true;
}

int queue_add_picture(Queue *queue, Job *job, const Picture *picture, Error *error)
{
        User *user = user_find(queue, job->uid);

        if (job->n_pictures >= job->count)
                return error_set(error, -EOVERFLOW, "More pictures than were asked for");
        if (!make_room(queue, user, 1, picture->size))
                return error_set(
                                error, -EDQUOT,
                                "The pictures are larger than what may be kept (result_bytes_per_user, "
                                "result_bytes_total, pictures_per_user, pictures_total)");

        job->pictures[job->n_pictures++] = *picture;
        user->bytes += picture->size;
        queue->bytes += picture->size;
        user->n_pictures++;
        queue->n_pictures++;
        return 0;
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

void queue_finish(Queue *queue, Job *job, JobState state, const Error *error, uint64_t now)
{
        User *user = user_find(queue, job->uid);

        job->state = state;
        job->ended = now;
        if (state == JOB_DONE)
                job->progress = 1;
        if (error)
                job->error = *error;
        free(TAKE_PTR(job->request));

        user->n_active--;
        queue->n_active--;
        user->n_finished++;
        forget_surplus(queue, user, job);
}

void queue_remove(Queue *queue, Job *job)
{
        User *user = user_find(queue, job->uid);

        if (queue->removed)
                queue->removed(job, queue->userdata);
        drop_pictures(queue, job);

        if (job_state_is_final(job->state)) {
                user->n_finished--;
        } else {
                user->n_active--;
                queue->n_active--;
        }

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
                (void)make_room(queue, user, 0, 0);
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

uint32_t queue_position(const Queue *queue, const Job *job)
{
        uint32_t position = 0;

        if (job->state != JOB_QUEUED)
                return 0;
        for (const Job *other = queue->first; other; other = other->next)
                if (other->uid == job->uid && other->state == JOB_QUEUED &&
                    (other->policy.priority < job->policy.priority ||
                     (other->policy.priority == job->policy.priority && other->serial < job->serial)))
                        position++;
        return position;
}

uint64_t queue_n_active(const Queue *queue)
{
        return queue->n_active;
}

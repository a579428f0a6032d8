/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/descriptors.h"
#include "base/util.h"
#include "queue/queue-private.h"

void results_drop(Queue *queue, Job *job)
{
        User *user = user_of(queue, job);
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

/* The limit that n pictures more, of so many bytes, would exceed: the user's, or everybody's. NULL: none. */
static const char *user_lacks_room(const Queue *queue, const User *user, uint64_t n, uint64_t size)
{
        if (exceeds(user->bytes, size, queue->limits.result_bytes_per_user))
                return "result_bytes_per_user";
        return exceeds(user->n_pictures, n, queue->limits.pictures_per_user) ? "pictures_per_user" : NULL;
}

static const char *queue_lacks_room(const Queue *queue, uint64_t n, uint64_t size)
{
        if (exceeds(queue->bytes, size, queue->limits.result_bytes_total))
                return "result_bytes_total";
        return exceeds(queue->n_pictures, n, queue->limits.pictures_total) ? "pictures_total" : NULL;
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

        results_drop(queue, oldest);
        oldest->dropped = true;
        return true;
}

const char *results_make_room(Queue *queue, const User *user, uint64_t n, uint64_t size)
{
        const char *limit;

        while ((limit = user_lacks_room(queue, user, n, size)))
                if (!drop_oldest(queue, user))
                        return limit;
        while ((limit = queue_lacks_room(queue, n, size)))
                if (!drop_oldest(queue, NULL))
                        return limit;
        return NULL;
}

int queue_add_picture(Queue *queue, Job *job, const Picture *picture, Error *error)
{
        User *user = user_of(queue, job);

        if (job->n_pictures >= job->count)
                return error_set(error, -EOVERFLOW, "More pictures than were asked for");
        int r = descriptors_check(error);
        if (r < 0)
                return r;
        const char *limit = results_make_room(queue, user, 1, picture->size);
        if (limit)
                return error_set(error, -EDQUOT, "The pictures are more than what may be kept (%s)", limit);

        job->pictures[job->n_pictures++] = *picture;
        user->bytes += picture->size;
        queue->bytes += picture->size;
        user->n_pictures++;
        queue->n_pictures++;
        return 0;
}

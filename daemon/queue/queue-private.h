/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What queue.c (jobs come, begin and end), order.c (who runs next), results.c (the pictures that are kept) and inputs.c (those
 * that jobs start from) share. */

#include "queue/queue.h"
#include "queue/users.h"

struct Queue {
        QueueLimits limits;
        queue_removed_t removed;
        void *userdata;
        Job *first, *last;
        User *users;
        uint64_t last_serial, last_turn;
        uint64_t n_active, n_pictures, bytes, input_bytes;
        bool is_planned; /* Job.place is as it should be */
        bool holds_batch;
};

static inline User *user_of(const Queue *queue, const Job *job)
{
        return users_find(queue->users, job->uid);
}

/* Closes a job's pictures. */
void results_drop(Queue *queue, Job *job);

/* Closes the pictures that a job starts from. */
void inputs_drop(Queue *queue, Job *job);

/* Sees to it that a user has room for n pictures more, of so many bytes together: the oldest results go. Returns the limit
 * that forbids it even so; NULL: there is room. */
const char *results_make_room(Queue *queue, const User *user, uint64_t n, uint64_t size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs and pictures that outlive the service's process: copies of their descriptors in the service manager's file descriptor
 * store (sd_pid_notify_with_fds(3)), memory only. A new process takes up where the killed one was. Without a service manager
 * nothing is kept, and callers are told when the service stops.
 *
 *     store_job(store, job);                 whenever it came, ended, or has another caller
 *     store_inputs(store, job);              once, before that; they go when the job has ended
 *     store_picture(store, job, index);
 *     store_forget(store, job);
 *     store_restore(service);                once, at the start */

#include "queue/queue.h"

struct Service;

/* Whether there is one. */
bool store_exists(void);

void store_job(const Job *job);
void store_inputs(const Job *job);
void store_picture(const Job *job, uint32_t index);
void store_forget(const Job *job);

/* Takes all pictures out that the queue has dropped for want of room. */
void store_sweep(const Queue *queue);

/* Puts what the last process left into the queue; what is broken, or of another version, is passed over. */
void store_restore(struct Service *service);

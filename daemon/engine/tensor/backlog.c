/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/tensor/backlog.h"

struct Backlog {
        atomic_uint refs;
        Task *first, *last;
        atomic_bool stopped;
        bool has_thread;
        pthread_t thread;
        pthread_mutex_t lock; /* of what follows, and of the tasks' states */
        pthread_cond_t changed;
        bool ended;
        int result;
};

int backlog_new(Backlog **ret)
{
        Backlog *backlog = calloc(1, sizeof(*backlog));
        if (!backlog)
                return -ENOMEM;
        atomic_init(&backlog->refs, 1);
        (void)pthread_mutex_init(&backlog->lock, NULL);
        (void)pthread_cond_init(&backlog->changed, NULL);
        *ret = backlog;
        return 0;
}

Backlog *backlog_ref(Backlog *backlog)
{
        atomic_fetch_add(&backlog->refs, 1);
        return backlog;
}

Backlog *backlog_unref(Backlog *backlog)
{
        if (!backlog || atomic_fetch_sub(&backlog->refs, 1) > 1)
                return NULL;
        backlog_stop(backlog);
        for (Task *task = backlog->first, *next; task; task = next) {
                next = task->next;
                task->kind.done(task->data);
                free(task);
        }
        (void)pthread_cond_destroy(&backlog->changed);
        (void)pthread_mutex_destroy(&backlog->lock);
        free(backlog);
        return NULL;
}

Task *backlog_add(Backlog *backlog, const TaskKind *kind, void *data)
{
        Task *task = calloc(1, sizeof(*task));
        if (!task) {
                kind->done(data);
                return NULL;
        }
        task->backlog = backlog;
        task->kind = *kind;
        task->data = data;
        if (backlog->last)
                backlog->last->next = task;
        else
                backlog->first = task;
        backlog->last = task;
        return task;
}

/* Whether it is this thread's to do; otherwise it is done. */
static bool claim(Task *task)
{
        Backlog *backlog = task->backlog;

        (void)pthread_mutex_lock(&backlog->lock);
        while (atomic_load(&task->state) == TASK_RUNNING)
                (void)pthread_cond_wait(&backlog->changed, &backlog->lock);
        const bool mine = atomic_load(&task->state) == TASK_WAITING;
        if (mine)
                atomic_store(&task->state, TASK_RUNNING);
        (void)pthread_mutex_unlock(&backlog->lock);
        return mine;
}

bool task_need(Task *task)
{
        Backlog *backlog = task->backlog;

        if (atomic_load(&task->state) == TASK_DONE || !claim(task))
                return true;
        const bool good = task->kind.run(task->data);

        (void)pthread_mutex_lock(&backlog->lock);
        atomic_store(&task->state, good ? TASK_DONE : TASK_WAITING);
        (void)pthread_cond_broadcast(&backlog->changed);
        (void)pthread_mutex_unlock(&backlog->lock);
        return good;
}

static int do_all(const Backlog *backlog)
{
        int r = 0;

        for (Task *task = backlog->first; task; task = task->next) {
                if (atomic_load(&backlog->stopped))
                        return -ECANCELED;
                if (!task_need(task))
                        return -ENOMEM;
                if (task->kind.after)
                        r = task->kind.after(task->data);
        }
        return r;
}

static void *work(void *userdata)
{
        Backlog *backlog = userdata;
        const int r = do_all(backlog);

        (void)pthread_mutex_lock(&backlog->lock);
        backlog->result = r;
        backlog->ended = true;
        (void)pthread_cond_broadcast(&backlog->changed);
        (void)pthread_mutex_unlock(&backlog->lock);
        return NULL;
}

void backlog_start(Backlog *backlog)
{
        backlog->has_thread = pthread_create(&backlog->thread, NULL, work, backlog) == 0;
        if (!backlog->has_thread)
                (void)work(backlog);
}

int backlog_wait(Backlog *backlog)
{
        (void)pthread_mutex_lock(&backlog->lock);
        while (!backlog->ended)
                (void)pthread_cond_wait(&backlog->changed, &backlog->lock);
        const int r = backlog->result;
        (void)pthread_mutex_unlock(&backlog->lock);
        return r;
}

void backlog_stop(Backlog *backlog)
{
        atomic_store(&backlog->stopped, true);
        if (backlog->has_thread)
                (void)pthread_join(backlog->thread, NULL);
        backlog->has_thread = false;
}

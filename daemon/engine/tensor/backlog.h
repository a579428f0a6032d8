/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work that can wait: a thread of its own does it, one task after the other, and who needs one sooner does that one at once.
 * So a model can be used before all of its weights are packed.
 *
 *     backlog_new(&backlog);
 *     Task *task = backlog_add(backlog, &(TaskKind) { .run = …, .after = …, .done = … }, data);
 *     …
 *     backlog_start(backlog);        nothing is added from here on
 *     …
 *     task_need(task)                in any thread: now it is done
 *     backlog_wait(backlog)          in any thread: now all of them are
 *     backlog_stop(backlog)          what is not at work yet stays undone */

#include <stdatomic.h>
#include <stdbool.h>

#include "base/cleanup.h"

typedef struct Backlog Backlog;

typedef struct TaskKind {
        bool (*run)(void *data); /* in any thread, while others run; false: there was no memory */
        int (*after)(void *data); /* in the order of the tasks, one at a time, when this one has run; NULL: nothing */
        void (*done)(void *data); /* releases the data, whatever became of it */
} TaskKind;

typedef enum TaskState {
        TASK_WAITING,
        TASK_RUNNING,
        TASK_DONE,
} TaskState;

typedef struct Task {
        struct Task *next;
        Backlog *backlog;
        TaskKind kind;
        void *data;
        _Atomic TaskState state;
} Task;

/* -ENOMEM */
int backlog_new(Backlog **ret);

/* The task is the backlog's. NULL if there is no memory; then the data is released. */
Task *backlog_add(Backlog *backlog, const TaskKind *kind, void *data);

/* Without a thread it is done here and now. */
void backlog_start(Backlog *backlog);

/* False if there was no memory for it; it may be tried again. */
bool task_need(Task *task);

/* What the last task's `after` returned, or -ENOMEM; -ECANCELED: it was stopped. */
int backlog_wait(Backlog *backlog);

/* Returns when nothing is at work any more; task_need() goes on to serve. By one thread. */
void backlog_stop(Backlog *backlog);

/* The last one stops it. */
Backlog *backlog_ref(Backlog *backlog);
Backlog *backlog_unref(Backlog *backlog);
DEFINE_CLEANUP(Backlog *, backlog_unref)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The worker's two threads share this: worker.c listens, worker-job.c paints. */

#include <pthread.h>
#include <stddef.h>

#include "engine/engine.h"
#include "workers/protocol.h"

/* Pixels that a job starts from. */
typedef struct WorkerInput {
        uint64_t job; /* 0: there are none */
        PixelsInfo info;
        int fd;
} WorkerInput;

typedef struct Worker {
        int socket;
        const char *model_dir;
        unsigned threads;
        Precision automatic;
        PackFiles files;

        pthread_mutex_t lock; /* guards all that follows up to the blank line */
        pthread_cond_t wake;
        Engine *engine; /* NULL until the model is loaded */
        uint64_t job; /* the one that is waiting or running; 0: none */
        Request request;
        bool cancelled, preview_wanted, park_wanted; /* asked for, for that job */
        StateInfo resume; /* where the next job, if it is resume_job, goes on */
        uint64_t resume_job;
        int resume_fd; /* -1: none */
        WorkerInput inputs[INPUT_MAX];
        bool quit;
        int result;

        /* The painting thread's own. */
        ReadPicture sources[INPUT_MAX]; /* mapped */
        Resolved resolved;
        uint32_t picture;
        Stage stage;
        double fraction, sent_at, state_sent_at;
} Worker;

Message worker_message(MessageType type, uint64_t job);

/* Errors are no news: when the other side is gone, the listening thread learns it too. */
void worker_send(const Worker *w, const Message *message, int fd);
void worker_send_failure(const Worker *w, uint64_t job, int code, const char *text);

/* The painting thread's: makes the pictures of the job that is waiting, and says what came of it. */
void worker_run_job(Worker *w);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A supervised process that holds one model: spawned with a socket to it, watched while it loads and works, ended by
 * closing the socket and, when that is not enough, by SIGKILL. Knows sd-event, but no bus.
 *
 *     worker_new(&worker, event, &spec, &handlers, userdata, &error);
 *     …  handlers.message(): READY; then worker_send(GENERATE), worker_set_busy(true), …
 *     worker_stop(worker);
 *     …  handlers.ended(): the process is gone, and its memory with it; worker_free(worker) */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/error.h"
#include "workers/protocol.h"

typedef struct Worker Worker;

typedef enum WorkerTask {
        WORKER_LOADS,
        WORKER_VERIFIES, /* and loads what is as its SHA256SUMS says: --verify */
        WORKER_DIGESTS, /* only tells the digest, at the lowest priority: --digest */
        WORKER_DECODES, /* pictures, without a model: --decode */
        WORKER_ASKS, /* a server: the network worker (net/), which speaks another protocol */
} WorkerTask;

typedef struct WorkerSpec {
        const char *program; /* run as: PROGRAM --socket 3 --model DIRECTORY */
        WorkerTask task;
        const char *model_directory; /* NULL: none */
        int pack, new_pack; /* descriptors for packed weights (service/packs.h), given on as --pack, --new-pack; 0: none */
        uint64_t threads; /* 0: one for each core */
        Precision precision; /* where neither job nor model says, given on as --precision; PRECISION_AUTO: the engine's */
        uint64_t load_seconds; /* until READY; 0: it may take any time */
        uint64_t ping_seconds; /* without an answer, or of processor time without coming forward, while busy */
} WorkerSpec;

typedef enum WorkerEnd {
        WORKER_STOPPED, /* it was asked to */
        WORKER_EXITED, /* or closed its socket */
        WORKER_KILLED_BY_SIGNAL,
        WORKER_OUT_OF_MEMORY, /* the kernel killed it */
        WORKER_HUNG, /* killed: no answer in time, or none that tells of anything done */
        WORKER_OUT_OF_TIME, /* the kernel ended it: more processor time than it may have */
        WORKER_DISTRUSTED, /* killed: it said what the protocol forbids */
} WorkerEnd;

typedef struct WorkerHandlers {
        /* A message that the protocol allows; the handler owns fd, if it is not -1. */
        void (*message)(Worker *worker, const Message *message, int fd, void *userdata);
        /* The process is gone. Called once, last of all. The handler may free the worker. */
        void (*ended)(Worker *worker, WorkerEnd end, const Error *error, void *userdata);
} WorkerHandlers;

int worker_new(
                Worker **ret, sd_event *event, const WorkerSpec *spec, const WorkerHandlers *handlers, void *userdata,
                Error *error);

/* Kills a process that is still there, and waits for it. */
Worker *worker_free(Worker *worker);
DEFINE_CLEANUP(Worker *, worker_free)

/* With a duplicate of fd unless it is -1. A worker that cannot be told anything is killed; ended() follows. */
void worker_send(Worker *worker, const Message *message, int fd);

/* A busy worker is asked for signs of life. */
void worker_set_busy(Worker *worker, bool busy);

/* Stops the process where it is, and lets it go on; meanwhile it may be silent for any time. */
void worker_pause(Worker *worker, bool paused);

/* Closes the socket: the process ends by itself, or is killed after two seconds. No message comes any more. */
void worker_stop(Worker *worker);

/* Kills at once, for a reason that ended() will hear. */
void worker_kill(Worker *worker, WorkerEnd why);

pid_t worker_pid(const Worker *worker);

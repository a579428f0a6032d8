/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which model is in memory: one worker process for one model, changed by ending the process, unloaded when nothing has
 * been asked of it for a while. Knows no jobs beyond the numbers in the messages. */

#include "config.h"
#include "queue/job.h"
#include "service/packs.h"
#include "workers/worker.h"

typedef enum ResidencyState {
        RESIDENCY_UNLOADED,
        RESIDENCY_LOADING,
        RESIDENCY_READY,
        RESIDENCY_FAILED, /* to load, or it died too often; the next request tries again */
} ResidencyState;

const char *residency_state_to_string(ResidencyState state);

typedef struct Residency Residency;

typedef struct ResidencyHandlers {
        /* The state or the model is another one. */
        void (*changed)(void *userdata);
        /* A message about a job; the handler owns fd, if it is not -1. */
        void (*message)(const Message *message, int fd, void *userdata);
        /* A model is about to be loaded: whether its worker shall verify it first. */
        bool (*must_verify)(const char *model, const char *directory, void *userdata);
        /* What it says of the files then; fd is what came with it, or -1, and stays the residency's. */
        void (*digest)(const char *model, const DigestInfo *info, int fd, void *userdata);
        /* A model is about to be loaded: the files for its packed weights, which are the residency's then. */
        void (*open_packs)(const char *model, const char *directory, PackPair *ret, void *userdata);
        /* The new one is whole. */
        void (*packed)(const char *model, int new_fd, void *userdata);
        /* A worker could not be started, did not load its model, or was lost. hopeless: waiting for this model is no
         * use; otherwise the next residency_load may do better. changed() follows. */
        void (*failed)(const char *model, const Error *error, bool hopeless, void *userdata);
        /* A worker is gone, with all of its memory; changed() was called. The next one may have been started already. */
        void (*gone)(void *userdata);
} ResidencyHandlers;

int residency_new(
                Residency **ret, sd_event *event, const Config *config, const ResidencyHandlers *handlers,
                void *userdata);
Residency *residency_free(Residency *residency);
DEFINE_CLEANUP(Residency *, residency_free)

/* The configuration must outlive the residency; a new one holds for the next worker. */
void residency_set_config(Residency *residency, const Config *config);

/* Sees to it that the model is loaded, or will be when the present one has ended. What happens is told by handlers, also
 * that it cannot begin. Does nothing if it is loaded or being loaded. */
void residency_load(Residency *residency, const char *model);

/* Ends the worker; it is gone when the state is RESIDENCY_UNLOADED and residency_is_empty(). */
void residency_unload(Residency *residency);

ResidencyState residency_state(const Residency *residency);
const char *residency_model(const Residency *residency); /* in memory or being loaded; "": none */
bool residency_is_ready(const Residency *residency, const char *model);
bool residency_is_empty(const Residency *residency); /* no process is left */
pid_t residency_pid(const Residency *residency); /* 0: none */

/* What is known of a model that was loaded since the start; NULL: nothing. */
const ModelReady *residency_info(const Residency *residency, const char *model);

/* To the worker that is ready, with a duplicate of fd unless it is -1. */
void residency_send(Residency *residency, const Message *message, int fd);
void residency_set_busy(Residency *residency, bool busy);

/* The worker stands still; one that is started meanwhile does not. */
void residency_pause(Residency *residency, bool paused);

/* A job was finished: the worker is sound. */
void residency_commend(Residency *residency);

/* The worker said something that makes no sense here, or does not do what it must. */
void residency_kill(Residency *residency, WorkerEnd why);

/* Nothing is to be done: unload after the configured time, but not within `seconds`. */
void residency_rest(Residency *residency);
void residency_keep(Residency *residency, uint64_t seconds);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/journal.h"
#include "service/models.h"
#include "service/residency.h"

#define DEATHS_MAX 3 /* in a row, without a finished job */
#define KNOWN_MAX 64

typedef struct Known {
        char name[MODEL_NAME_MAX + 1];
        ModelReady ready;
} Known;

struct Residency {
        sd_event *event;
        const Config *config;
        ResidencyHandlers handlers;
        void *userdata;

        Worker *worker; /* loading, ready, or ending */
        int new_pack; /* the file that it may write; -1: none */
        bool ready, ending;
        bool has_failed; /* the last attempt */
        char model[MODEL_NAME_MAX + 1]; /* of the worker */
        char next[MODEL_NAME_MAX + 1]; /* to be loaded when the worker has ended; "": none */
        unsigned deaths; /* of workers with the model `died`, in a row */
        char died[MODEL_NAME_MAX + 1];

        sd_event_source *idle;
        uint64_t keep_until; /* CLOCK_MONOTONIC, µs */

        Known *known; /* room for KNOWN_MAX */
        size_t n_known;
};

static const char *const state_names[] = {
        [RESIDENCY_UNLOADED] = "unloaded",
        [RESIDENCY_LOADING] = "loading",
        [RESIDENCY_READY] = "ready",
        [RESIDENCY_FAILED] = "failed",
};

const char *residency_state_to_string(ResidencyState state)
{
        return state_names[state];
}

int residency_new(
                Residency **ret, sd_event *event, const Config *config, const ResidencyHandlers *handlers,
                void *userdata)
{
        Residency *residency = calloc(1, sizeof(Residency));
        if (!residency)
                return -ENOMEM;
        residency->event = sd_event_ref(event);
        residency->new_pack = -1;
        residency->config = config;
        residency->handlers = *handlers;
        residency->userdata = userdata;
        *ret = residency;
        return 0;
}

static void close_pack(Residency *residency)
{
        if (residency->new_pack >= 0)
                (void)close(residency->new_pack);
        residency->new_pack = -1;
}

Residency *residency_free(Residency *residency)
{
        if (!residency)
                return NULL;
        worker_free(residency->worker);
        close_pack(residency);
        sd_event_source_disable_unref(residency->idle);
        sd_event_unref(residency->event);
        free(residency->known);
        free(residency);
        return NULL;
}

void residency_set_config(Residency *residency, const Config *config)
{
        residency->config = config;
}

ResidencyState residency_state(const Residency *residency)
{
        if (residency->next[0] || (residency->worker && !residency->ready && !residency->ending))
                return RESIDENCY_LOADING;
        if (residency->worker && !residency->ending)
                return RESIDENCY_READY;
        return residency->has_failed ? RESIDENCY_FAILED : RESIDENCY_UNLOADED;
}

const char *residency_model(const Residency *residency)
{
        if (residency->next[0])
                return residency->next;
        return residency->worker && !residency->ending ? residency->model : "";
}

bool residency_is_ready(const Residency *residency, const char *model)
{
        return residency_state(residency) == RESIDENCY_READY && streq(residency->model, model);
}

bool residency_is_empty(const Residency *residency)
{
        return !residency->worker;
}

pid_t residency_pid(const Residency *residency)
{
        return residency->worker ? worker_pid(residency->worker) : 0;
}

const ModelReady *residency_info(const Residency *residency, const char *model)
{
        for (size_t i = 0; i < residency->n_known; i++)
                if (streq(residency->known[i].name, model))
                        return &residency->known[i].ready;
        return NULL;
}

static void remember(Residency *residency, const ModelReady *ready)
{
        Known *known = (Known *)residency_info(residency, residency->model);
        if (known) {
                ((Known *)((uint8_t *)known - offsetof(Known, ready)))->ready = *ready;
                return;
        }
        if (residency->n_known >= KNOWN_MAX)
                return;
        Known *grown = reallocarray(residency->known, residency->n_known + 1, sizeof(Known));
        if (!grown)
                return;
        residency->known = grown;
        known = &grown[residency->n_known++];
        memcpy(known->name, residency->model, sizeof(known->name));
        known->ready = *ready;
}

static void stop_idling(Residency *residency)
{
        residency->idle = sd_event_source_disable_unref(residency->idle);
}

/* The worker goes; what follows is decided when it has gone. */
static void end_worker(Residency *residency)
{
        stop_idling(residency);
        residency->ready = false;
        residency->ending = true;
        worker_stop(residency->worker);
}

static void on_ready(Residency *residency, const Message *message)
{
        if (residency->ready) {
                worker_kill(residency->worker, WORKER_DISTRUSTED);
                return;
        }
        residency->ready = true;
        remember(residency, &message->ready);
        journal_say(JOURNAL_MODEL_READY, LOG_INFO, residency->model, "The model %s is ready", residency->model);
        residency->handlers.changed(residency->userdata);
}

static void on_packed(Residency *residency)
{
        if (residency->new_pack < 0 || !residency->ready) {
                worker_kill(residency->worker, WORKER_DISTRUSTED);
                return;
        }
        residency->handlers.packed(residency->model, residency->new_pack, residency->userdata);
        close_pack(residency);
}

static void on_load_failed(Residency *residency, const Message *message)
{
        Error error;
        char model[MODEL_NAME_MAX + 1];
        memcpy(model, residency->model, sizeof(model));
        (void)error_set(&error, error_of_load(message->failed.code), "The model %s cannot be loaded: %s", model,
                        message->failed.text);
        log_warning("%s", error.text);

        residency->has_failed = true;
        end_worker(residency);
        residency->handlers.failed(model, &error, true, residency->userdata);
        residency->handlers.changed(residency->userdata);
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Residency *residency = userdata;

        if (message->type == MESSAGE_READY)
                on_ready(residency, message);
        else if (message->type == MESSAGE_DIGEST && !residency->ready)
                residency->handlers.digest(residency->model, &message->digest, fd, residency->userdata);
        else if (message->type == MESSAGE_FAILED && message->job == 0 && !residency->ready)
                on_load_failed(residency, message);
        else if (message->type == MESSAGE_PACKED)
                on_packed(residency);
        else if (message->job == 0 || !residency->ready)
                worker_kill(worker, WORKER_DISTRUSTED);
        else {
                residency->handlers.message(message, fd, residency->userdata);
                return;
        }
        if (fd >= 0)
                (void)close(fd);
}

static void start(Residency *residency, const char *model);

/* Whether this was one death too many. */
static bool count_death(Residency *residency, const char *model)
{
        if (!streq(residency->died, model))
                residency->deaths = 0;
        (void)snprintf(residency->died, sizeof(residency->died), "%s", model);
        if (++residency->deaths < DEATHS_MAX)
                return false;
        residency->deaths = 0;
        return true;
}

static void on_ended(Worker *worker, WorkerEnd end, const Error *error, void *userdata)
{
        Residency *residency = userdata;
        bool surprise = !residency->ending;
        char model[MODEL_NAME_MAX + 1], next[MODEL_NAME_MAX + 1];
        (void)end;

        worker_free(worker);
        stop_idling(residency);
        residency->worker = NULL;
        close_pack(residency);
        residency->ready = residency->ending = false;
        memcpy(model, residency->model, sizeof(model));
        memcpy(next, residency->next, sizeof(next));
        residency->next[0] = '\0';

        if (surprise) {
                bool hopeless = count_death(residency, model);
                residency->has_failed = hopeless;
                residency->handlers.failed(model, error, hopeless, residency->userdata);
        }
        if (next[0] && !residency->worker)
                start(residency, next);
        residency->handlers.changed(residency->userdata);
        residency->handlers.gone(residency->userdata);
}

static void start(Residency *residency, const char *wanted)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        const Config *config = residency->config;
        _cleanup_(freep) char *directory = NULL;
        _cleanup_(pack_pair_close) PackPair packs = { -1, -1 };
        char name[MODEL_NAME_MAX + 1], model[MODEL_NAME_MAX + 1];
        Error error = {};

        models_tell_workers(config->models);
        /* What the handlers do may be the end of the one who wanted it. */
        (void)snprintf(model, sizeof(model), "%s", wanted);
        int r = models_resolve(config->models, model, &directory, name, &error);
        if (r >= 0) {
                bool verify = residency->handlers.must_verify(name, directory, residency->userdata);
                residency->handlers.open_packs(name, directory, &packs, residency->userdata);
                WorkerSpec spec = {
                        .pack = MAX(packs.old_fd, 0),
                        .new_pack = MAX(packs.new_fd, 0),
                        .task = verify ? WORKER_VERIFIES : WORKER_LOADS,
                        .program = config->worker,
                        .model_directory = directory,
                        .threads = config->threads,
                        .precision = config_precision(config),
                        .load_seconds = config->load_seconds,
                        .ping_seconds = config->worker_ping_seconds,
                };
                r = worker_new(&residency->worker, residency->event, &spec, &handlers, residency, &error);
        }

        residency->has_failed = r < 0;
        if (r < 0) {
                log_warning("%s", error.text);
                residency->handlers.failed(model, &error, true, residency->userdata);
                return;
        }
        memcpy(residency->model, name, sizeof(name));
        residency->new_pack = TAKE_FD(packs.new_fd);
        residency->keep_until = 0;
        log_info("Loading the model %s", name);
}

void residency_load(Residency *residency, const char *model)
{
        if (streq(residency_model(residency), model))
                return;

        if (residency->worker) {
                (void)snprintf(residency->next, sizeof(residency->next), "%s", model);
                if (!residency->ending)
                        end_worker(residency);
        } else {
                start(residency, model);
        }
        residency->handlers.changed(residency->userdata);
}

void residency_unload(Residency *residency)
{
        residency->next[0] = '\0';
        residency->has_failed = false;
        if (residency->worker && !residency->ending) {
                journal_say(JOURNAL_MODEL_GONE, LOG_INFO, residency->model, "Unloading the model %s", residency->model);
                end_worker(residency);
        }
        residency->handlers.changed(residency->userdata);
}

void residency_send(Residency *residency, const Message *message, int fd)
{
        if (residency->worker)
                worker_send(residency->worker, message, fd);
}

void residency_set_busy(Residency *residency, bool busy)
{
        stop_idling(residency);
        if (residency->worker)
                worker_set_busy(residency->worker, busy);
}

void residency_pause(Residency *residency, bool paused)
{
        if (residency->worker)
                worker_pause(residency->worker, paused);
}

void residency_commend(Residency *residency)
{
        residency->deaths = 0;
}

void residency_kill(Residency *residency, WorkerEnd why)
{
        if (residency->worker)
                worker_kill(residency->worker, why);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        residency_unload(userdata);
        return 0;
}

void residency_rest(Residency *residency)
{
        stop_idling(residency);
        if (residency_state(residency) != RESIDENCY_READY || residency->config->idle_unload_seconds == 0)
                return;

        uint64_t deadline = clock_usec(CLOCK_MONOTONIC) + residency->config->idle_unload_seconds * USEC_PER_SEC;
        int r = sd_event_add_time(
                        residency->event, &residency->idle, CLOCK_MONOTONIC, MAX(deadline, residency->keep_until),
                        USEC_PER_SEC, on_idle, residency);
        if (r < 0)
                log_warning_errno(r, "The model will not be unloaded when idle");
}

void residency_keep(Residency *residency, uint64_t seconds)
{
        uint64_t until = clock_usec(CLOCK_MONOTONIC) + seconds * USEC_PER_SEC;
        residency->keep_until = MAX(residency->keep_until, until);
}

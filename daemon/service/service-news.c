/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the worker and the machine's instance tell the service. */

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/models.h"
#include "service/service-private.h"
#include "workers/processors.h"

/* --- the news of electricity --- */

/* Takes effect at once, also for a job at work. */
static void limit_processors(Service *service, bool one)
{
        int r = processors_limit(residency_pid(service->residency), one);
        if (r < 0)
                log_debug("The engine's processors cannot be chosen: %s", strerror(-r));
}

static bool shall_be_slow(const Service *service)
{
        return power_is_short(service->power) && streq(service->config->on_battery, "slow");
}

void service_follow_power(void *userdata)
{
        Service *service = userdata;

        queue_hold_batch(service->queue, power_is_short(service->power));
        /* One that is loading looks for itself how many processors there are: it is attended to when it is ready. */
        if (residency_state(service->residency) == RESIDENCY_READY)
                limit_processors(service, shall_be_slow(service));
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (job->state == JOB_QUEUED && job_object(job))
                        job_object_update(job_object(job));
        runner_schedule(service->runner);
}

/* What goes down with the machine goes on where it was, and nobody's time runs out. */
void service_follow_sleep(bool asleep, void *userdata)
{
        Service *service = userdata;
        residency_pause(service->residency, asleep);
}

/* --- the residency's news --- */

static void on_residency_changed(void *userdata)
{
        Service *service = userdata;

        const char *model = residency_model(service->residency);
        if (residency_is_ready(service->residency, model) && !streq(service->appetite.model, model))
                appetite_note_loaded(&service->appetite, model, residency_pid(service->residency));
        else if (residency_is_empty(service->residency))
                service->appetite = (Appetite) {};
        if (residency_is_ready(service->residency, model) && shall_be_slow(service))
                limit_processors(service, true);
        manager_update(service);
        if (residency_is_empty(service->residency) && service->stopping)
                (void)sd_event_exit(service->event, 0);
        runner_schedule(service->runner);
        service_update_status(service);
}

/* Each UnloadModel was meant for the one that is gone, whatever is loaded next. */
static void on_residency_gone(void *userdata)
{
        Service *service = userdata;
        load_calls_answer_unloads(service->load_calls);
}

static void on_residency_message(const Message *message, int fd, void *userdata)
{
        Service *service = userdata;
        runner_hear(service->runner, message, fd);
}

static bool on_residency_must_verify(const char *model, const char *directory, void *userdata)
{
        Service *service = userdata;
        return digests_must_verify(service->digests, model, directory);
}

static void on_residency_digest(const char *model, const DigestInfo *info, int fd, void *userdata)
{
        Service *service = userdata;
        digests_take(service->digests, model, info, fd);
}

static void on_residency_open_packs(const char *model, const char *directory, PackPair *ret, void *userdata)
{
        Service *service = userdata;
        Models models = {};

        if (models_find(&models, service->config->models) >= 0)
                packs_forget_others(service->packs, &models);
        models_clear(&models);
        packs_open(service->packs, model, directory, service->config->pack_bytes_min, ret);
}

static void on_residency_packed(const char *model, int new_fd, void *userdata)
{
        Service *service = userdata;
        packs_keep(service->packs, model, new_fd);
}

static void note_error(Service *service, const Error *error)
{
        LastError *last = &service->last_errors[service->n_errors++ % ELEMENTSOF(service->last_errors)];

        *last = (LastError) { .when = clock_usec(CLOCK_REALTIME), .error = *error };
}

const LastError *service_last_error(const Service *service)
{
        return &service->last_errors[(service->n_errors - 1) % ELEMENTSOF(service->last_errors)];
}

static void on_residency_failed(const char *model, const Error *error, bool hopeless, void *userdata)
{
        Service *service = userdata;

        note_error(service, error);
        journal_say(JOURNAL_ENGINE_FAILED, LOG_WARNING, model, "The model %s: %s", model, error->text);
        runner_lost(service->runner, model, error, hopeless);
}

const ResidencyHandlers service_residency_handlers = {
        .changed = on_residency_changed,
        .message = on_residency_message,
        .must_verify = on_residency_must_verify,
        .digest = on_residency_digest,
        .open_packs = on_residency_open_packs,
        .packed = on_residency_packed,
        .failed = on_residency_failed,
        .gone = on_residency_gone,
};

/* --- the machine's instance's news --- */

static void on_forward_known(void *userdata)
{
        Service *service = userdata;

        if (service->is_open || service->stopping)
                return;
        int r = service_open(service);
        if (r < 0)
                (void)sd_event_exit(service->event, r);
}

static void on_forward_changed(void *userdata)
{
        Service *service = userdata;

        if (!service->is_open)
                return;
        manager_update(service);
        manager_tell_digests(service);
        recorder_follow_digests(service->recorder);
        runner_schedule(service->runner);
        service_update_status(service);
}

static void on_forward_state(JobState state, uint32_t step, uint64_t expected_end, void *userdata)
{
        Service *service = userdata;
        runner_away_state(service->runner, state, step, expected_end);
}

static void on_forward_message(const Message *message, int fd, void *userdata)
{
        Service *service = userdata;
        runner_hear(service->runner, message, fd);
}

static void on_forward_lost(ForwardLoss loss, const Error *error, void *userdata)
{
        Service *service = userdata;

        /* The others speak of what somebody asked for. */
        if (loss == FORWARD_UNREACHABLE || loss == FORWARD_DIED)
                note_error(service, error);
        runner_away_lost(service->runner, loss, error);
}

const ForwardHandlers service_forward_handlers = {
        .known = on_forward_known,
        .changed = on_forward_changed,
        .state = on_forward_state,
        .message = on_forward_message,
        .lost = on_forward_lost,
};

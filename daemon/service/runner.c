/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/journal.h"
#include "service/runner-private.h"

/* Finished comes within 200 ms of Cancel, even if the worker takes longer. */
#define CANCEL_GRACE (150 * USEC_PER_MSEC)

static void run(Runner *runner);

static int on_defer(sd_event_source *source, void *userdata)
{
        (void)source;
        run(userdata);
        return 0;
}

int runner_new(Runner **ret, Service *service)
{
        _cleanup_(runner_freep) Runner *runner = calloc(1, sizeof(Runner));
        if (!runner)
                return -ENOMEM;
        runner->service = service;

        int r = sd_event_add_defer(service->event, &runner->defer, on_defer, runner);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(runner->defer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(runner);
        return 0;
}

Runner *runner_free(Runner *runner)
{
        if (!runner)
                return NULL;
        sd_event_source_disable_unref(runner->defer);
        sd_event_source_disable_unref(runner->grace);
        sd_event_source_disable_unref(runner->patience);
        decoding_free(runner->decoding);
        free(runner);
        return NULL;
}

void runner_schedule(Runner *runner)
{
        (void)sd_event_source_set_enabled(runner->defer, SD_EVENT_ONESHOT);
}

void runner_stop(Runner *runner)
{
        runner->grace = sd_event_source_disable_unref(runner->grace);
        runner->patience = sd_event_source_disable_unref(runner->patience);
        runner->job = NULL;
        runner->decoding = decoding_free(runner->decoding);
        (void)sd_event_source_set_enabled(runner->defer, SD_EVENT_OFF);
}

bool runner_is_busy(const Runner *runner)
{
        return !runner->away && (runner->job || runner->serial != 0);
}

const Pace *runner_pace(const Runner *runner)
{
        return &runner->pace;
}

const Job *runner_job(const Runner *runner)
{
        return runner->job;
}

void runner_finish(Runner *runner, JobState state, const Error *error)
{
        Job *job = TAKE_PTR(runner->job);

        runner->grace = sd_event_source_disable_unref(runner->grace);
        runner->decoding = decoding_free(runner->decoding);
        if (job)
                service_finish_job(runner->service, job, state, error);
}

void runner_let_go(Runner *runner)
{
        runner->serial = 0;
        runner->away = runner->cancelling = runner->parking = false;
        runner->patience = sd_event_source_disable_unref(runner->patience);
        runner_schedule(runner);
}

static void tell_worker(Runner *runner, MessageType type)
{
        Message message = { .version = PROTOCOL_VERSION, .type = type, .job = runner->serial };

        if (runner->away)
                forward_tell(runner->service->forward, type);
        else
                residency_send(runner->service->residency, &message, -1);
}

void runner_requeue(Runner *runner)
{
        Job *job = TAKE_PTR(runner->job);

        /* Pixels are large, and made anew from the same bytes. */
        runner->decoding = decoding_free(runner->decoding);
        if (job->state != JOB_QUEUED) {
                queue_park(runner->service->queue, job, clock_usec(CLOCK_MONOTONIC));
                journal_job(JOURNAL_JOB_PARKED, job);
        }
        job_object_update(job_object(job));
        service_touch_user(runner->service, job->uid);
}

/* Where a job goes on that was interrupted. */
static void send_resume(Runner *runner, const Job *job)
{
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_RESUME, .job = job->serial };
        int fd = -1;

        message.state.picture = job->n_pictures;
        if (job->standing.fd >= 0 && job->standing.picture == job->n_pictures) {
                message.state.step = job->standing.step;
                fd = job->standing.fd;
        }
        if (job->n_pictures > 0 || fd >= 0)
                residency_send(runner->service->residency, &message, fd);
        pace_watch_start(&runner->watch, message.state.step, clock_usec(CLOCK_MONOTONIC));
}

/* The pixels that the job starts from go to the engine, which keeps them until its end. */
static void send_inputs(Runner *runner)
{
        for (uint32_t i = 0; runner->decoding && i < INPUT_MAX; i++) {
                const Pixels *pixels = decoding_pixels(runner->decoding, (Input)i);
                const Message message = {
                        .version = PROTOCOL_VERSION,
                        .type = MESSAGE_INPUT,
                        .job = runner->job->serial,
                        .pixels = pixels->info,
                };
                if (pixels->fd >= 0)
                        residency_send(runner->service->residency, &message, pixels->fd);
        }
        runner->decoding = decoding_free(runner->decoding);
}

static void begin(Runner *runner)
{
        Job *job = runner->job;
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_GENERATE, .job = job->serial };

        queue_begin(runner->service->queue, job, JOB_RUNNING, clock_usec(CLOCK_MONOTONIC));
        journal_job(JOURNAL_JOB_BEGUN, job);
        message.generate = *job->request;
        runner->serial = job->serial;
        runner->count = job->count;
        runner->keep_alive = job->policy.keep_alive;
        residency_set_busy(runner->service->residency, true);
        send_resume(runner, job);
        send_inputs(runner);
        residency_send(runner->service->residency, &message, -1);
        if (job_object(job)->n_preview_calls > 0)
                tell_worker(runner, MESSAGE_PREVIEW);

        job_object_update(job_object(job));
        service_touch_user(runner->service, job->uid);
}

static void on_decoded(const Error *error, void *userdata)
{
        Runner *runner = userdata;

        if (error) {
                const Error failure = *error; /* it goes with the decoding */
                runner_finish(runner, JOB_FAILED, &failure);
        }
        runner_schedule(runner);
}

/* Makes the pictures that the job starts from into pixels. */
static int decode(Runner *runner)
{
        Error error = {};

        if (runner->job->request->inputs == 0 || runner->decoding)
                return 0;
        int r = decoding_new(
                        &runner->decoding, runner->service->event, runner->service->config, runner->job, on_decoded, runner,
                        &error);
        if (r < 0)
                runner_finish(runner, JOB_FAILED, &error);
        return r;
}

/* Loads what the job needs: its model, its pictures. */
static void prepare(Runner *runner)
{
        Job *job = runner->job;

        if (job->state == JOB_QUEUED) {
                queue_begin(runner->service->queue, job, JOB_LOADING, clock_usec(CLOCK_MONOTONIC));
                job_object_update(job_object(job));
                service_touch_user(runner->service, job->uid);
        }
        if (decode(runner) < 0)
                runner_schedule(runner);
        else
                residency_load(runner->service->residency, job->policy.model);
}

static bool is_prepared(const Runner *runner)
{
        const Job *job = runner->job;

        return residency_is_ready(runner->service->residency, job->policy.model) &&
               (job->request->inputs == 0 || (runner->decoding && decoding_is_done(runner->decoding)));
}

/* A LoadModel comes before the next job. True: it is being attended to. */
static bool attend_to_wish(Runner *runner)
{
        Service *service = runner->service;
        const char *wish;

        while ((wish = load_calls_first(service->load_calls))) {
                if (!residency_is_ready(service->residency, wish)) {
                        residency_load(service->residency, wish);
                        return true;
                }
                load_calls_answer(service->load_calls, wish, NULL);
        }
        return false;
}

/* A job at work gives way after the step that it is at. */
static void park_if_due(Runner *runner)
{
        if (!runner->job || runner->cancelling || runner->parking || !runner_must_give_way(runner))
                return;
        if (runner->away) {
                runner_shelve(runner);
                return;
        }
        runner->parking = true;
        tell_worker(runner, MESSAGE_PARK);
}

static void run(Runner *runner)
{
        Service *service = runner->service;

        if (service->stopping)
                return;
        if (runner->serial != 0) {
                park_if_due(runner);
                return;
        }
        /* Its model is still being loaded. */
        if (runner->job && runner_must_give_way(runner))
                runner_requeue(runner);
        if (!runner->job) {
                if (attend_to_wish(runner))
                        return;
                runner->job = queue_next(service->queue);
        }
        if (!runner->job)
                residency_rest(service->residency);
        else if (runner_forwards(runner, runner->job))
                runner_hand_over(runner);
        else if (is_prepared(runner))
                begin(runner);
        else
                prepare(runner);
        service_update_status(service);
}

static int on_grace_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        runner_finish(userdata, JOB_CANCELLED, NULL);
        return 0;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Runner *runner = userdata;
        (void)source, (void)usec;

        log_warning("The engine does not stop working on a cancelled job");
        if (runner->away) {
                forward_forget(runner->service->forward, runner->serial);
                runner_let_go(runner);
                return 0;
        }
        residency_kill(runner->service->residency, WORKER_HUNG);
        return 0;
}

void runner_tell_worker_to_cancel(Runner *runner)
{
        uint64_t patience = runner->service->config->worker_ping_seconds * USEC_PER_SEC;

        if (runner->cancelling)
                return;
        runner->cancelling = true;
        tell_worker(runner, MESSAGE_CANCEL);
        (void)sd_event_add_time_relative(
                        runner->service->event, &runner->patience, CLOCK_MONOTONIC, patience, 0, on_patience_over,
                        runner);
}

void runner_cancel_now(Runner *runner, Job *job)
{
        if (job_state_is_final(job->state))
                return;
        if (job != runner->job) {
                service_finish_job(runner->service, job, JOB_CANCELLED, NULL);
                return;
        }
        if (runner->serial != 0)
                runner_tell_worker_to_cancel(runner);
        runner_finish(runner, JOB_CANCELLED, NULL);
        runner_schedule(runner);
}

void runner_cancel(Runner *runner, Job *job)
{
        if (job != runner->job || runner->serial == 0) {
                runner_cancel_now(runner, job);
                return;
        }
        if (runner->cancelling)
                return;
        runner_tell_worker_to_cancel(runner);
        int r = sd_event_add_time_relative(
                        runner->service->event, &runner->grace, CLOCK_MONOTONIC, CANCEL_GRACE, USEC_PER_MSEC,
                        on_grace_over, runner);
        if (r < 0)
                runner_finish(runner, JOB_CANCELLED, NULL);
}

void runner_want_preview(Runner *runner, const Job *job)
{
        if (job == runner->job && runner->serial != 0)
                tell_worker(runner, MESSAGE_PREVIEW);
}

/* No job that waits for this model has a chance. */
static void fail_waiting(Runner *runner, const char *model, const Error *error)
{
        bool found;

        do {
                found = false;
                for (Job *job = queue_first(runner->service->queue); job && !found; job = job->next) {
                        found = job->state == JOB_QUEUED && !job_is_beside(job) && streq(job->policy.model, model);
                        /* Ending one may remove others from the queue. */
                        if (found)
                                service_finish_job(runner->service, job, JOB_FAILED, error);
                }
        } while (found);
}

/* A job survives one worker, be it that it drew or that it was still loading. */
static bool may_try_again(const Runner *runner, bool hopeless)
{
        return !hopeless && !runner->cancelling && !runner->service->stopping && ++runner->job->deaths < DEATHS_OF_A_JOB;
}

void runner_lost(Runner *runner, const char *model, const Error *error, bool hopeless)
{
        bool concerned = !runner->away && (runner->serial != 0 || (runner->job && streq(runner->job->policy.model, model)));

        if (concerned && runner->job) {
                if (may_try_again(runner, hopeless))
                        runner_requeue(runner);
                else
                        runner_finish(
                                        runner, runner->cancelling ? JOB_CANCELLED : JOB_FAILED,
                                        runner->cancelling ? NULL : error);
        }
        if (!runner->away)
                runner_let_go(runner);
        if (hopeless)
                fail_waiting(runner, model, error);
        load_calls_answer(runner->service->load_calls, model, error);
}

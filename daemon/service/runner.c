/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/job.h"
#include "service/news.h"

/* Finished comes within 200 ms of Cancel, even if the worker takes longer. */
#define CANCEL_GRACE (150 * USEC_PER_MSEC)

struct Runner {
        Service *service;
        sd_event_source *defer;
        Job *job; /* whose turn it is; NULL: none, or it has ended before the worker let go of it */
        uint64_t serial; /* what the worker is at; 0: nothing */
        uint32_t count; /* pictures that it must send */
        uint64_t keep_alive;
        bool cancelling; /* the worker was told */
        sd_event_source *grace, *patience; /* until the job is called cancelled; until the worker is killed */
        double pace; /* µs for a unit of work, of the last jobs; 0: unknown */
};

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
        (void)sd_event_source_set_enabled(runner->defer, SD_EVENT_OFF);
}

bool runner_is_busy(const Runner *runner)
{
        return runner->job || runner->serial != 0;
}

double runner_pace(const Runner *runner)
{
        return runner->pace;
}

const Job *runner_job(const Runner *runner)
{
        return runner->job;
}

static void finish(Runner *runner, JobState state, const Error *error)
{
        Job *job = TAKE_PTR(runner->job);

        runner->grace = sd_event_source_disable_unref(runner->grace);
        if (job)
                service_finish_job(runner->service, job, state, error);
}

/* The worker is free for the next job. */
static void let_go(Runner *runner)
{
        runner->serial = 0;
        runner->cancelling = false;
        runner->patience = sd_event_source_disable_unref(runner->patience);
        runner_schedule(runner);
}

static void tell_worker(Runner *runner, MessageType type)
{
        Message message = { .version = PROTOCOL_VERSION, .type = type, .job = runner->serial };
        residency_send(runner->service->residency, &message);
}

static void begin(Runner *runner)
{
        Job *job = runner->job;
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_GENERATE, .job = job->serial };

        queue_begin(runner->service->queue, job, JOB_RUNNING, clock_usec(CLOCK_MONOTONIC));
        message.generate = *job->request;
        runner->serial = job->serial;
        runner->count = job->count;
        runner->keep_alive = job->policy.keep_alive;
        residency_set_busy(runner->service->residency, true);
        residency_send(runner->service->residency, &message);
        if (job_object(job)->n_preview_calls > 0)
                tell_worker(runner, MESSAGE_PREVIEW);

        job_object_update(job_object(job));
        service_touch_user(runner->service, job->uid);
}

/* Loads what the job needs. */
static void prepare(Runner *runner)
{
        Job *job = runner->job;

        if (job->state == JOB_QUEUED) {
                queue_begin(runner->service->queue, job, JOB_LOADING, clock_usec(CLOCK_MONOTONIC));
                job_object_update(job_object(job));
                service_touch_user(runner->service, job->uid);
        }
        residency_load(runner->service->residency, job->policy.model);
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

static void run(Runner *runner)
{
        Service *service = runner->service;

        if (service->stopping || runner->serial != 0)
                return;
        if (!runner->job) {
                if (attend_to_wish(runner))
                        return;
                runner->job = queue_next(service->queue);
        }
        if (!runner->job)
                residency_rest(service->residency);
        else if (residency_is_ready(service->residency, runner->job->policy.model))
                begin(runner);
        else
                prepare(runner);
        service_update_status(service);
}

static int on_grace_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        finish(userdata, JOB_CANCELLED, NULL);
        return 0;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Runner *runner = userdata;
        (void)source, (void)usec;

        log_warning("The engine does not stop working on a cancelled job");
        residency_kill(runner->service->residency, WORKER_HUNG);
        return 0;
}

static void tell_worker_to_cancel(Runner *runner)
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
                tell_worker_to_cancel(runner);
        finish(runner, JOB_CANCELLED, NULL);
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
        tell_worker_to_cancel(runner);
        int r = sd_event_add_time_relative(
                        runner->service->event, &runner->grace, CLOCK_MONOTONIC, CANCEL_GRACE, USEC_PER_MSEC,
                        on_grace_over, runner);
        if (r < 0)
                finish(runner, JOB_CANCELLED, NULL);
}

void runner_want_preview(Runner *runner, const Job *job)
{
        if (job == runner->job && runner->serial != 0)
                tell_worker(runner, MESSAGE_PREVIEW);
}

static int hear_picture(Runner *runner, const PictureInfo *info, int fd)
{
        Error error = {};

        int r = news_picture(runner->service->queue, runner->job, info, fd, &error);
        if (r >= 0 || error.code == 0)
                return r;
        /* The fault is not the worker's: there is no room. */
        tell_worker_to_cancel(runner);
        finish(runner, JOB_FAILED, &error);
        return 0;
}

/* On the way to its end; a job that has ended before the worker let go of it wants no news. */
static int hear_news(Runner *runner, const Message *message, int fd)
{
        _cleanup_(closep) int owned = fd;
        Job *job = runner->job;
        int r;

        if (!job)
                return 0;
        switch (message->type) {
        case MESSAGE_STARTED:
                return news_started(job, &message->started);
        case MESSAGE_PROGRESS:
                news_progress(job, &message->progress);
                service_update_status(runner->service);
                return 0;
        case MESSAGE_PREVIEW_IS:
                r = news_preview(job, &message->preview, owned);
                break;
        default:
                r = hear_picture(runner, &message->picture, owned);
        }
        if (r > 0)
                (void)TAKE_FD(owned);
        return r;
}

static void measure(Runner *runner, const Job *job)
{
        double work = job_work(job), took = (double)(clock_usec(CLOCK_MONOTONIC) - job->begun);

        if (work > 0)
                runner->pace = runner->pace > 0 ? (runner->pace + took / work) / 2 : took / work;
}

static int hear_done(Runner *runner)
{
        if (runner->job && runner->job->n_pictures != runner->count)
                return -EBADMSG;

        Service *service = runner->service;
        residency_commend(service->residency);
        residency_set_busy(service->residency, false);
        residency_keep(service->residency, runner->keep_alive);
        if (runner->job)
                measure(runner, runner->job);
        finish(runner, JOB_DONE, NULL);
        let_go(runner);
        return 0;
}

static void hear_failed(Runner *runner, const Message *message)
{
        Service *service = runner->service;
        bool cancelled = runner->cancelling && message->failed.code == -ECANCELED;
        Error error;

        (void)error_set(&error, message->failed.code, "%s", message->failed.text);
        /* The worker has done what it should: answered. */
        residency_commend(service->residency);
        residency_set_busy(service->residency, false);
        residency_keep(service->residency, runner->keep_alive);
        finish(runner, cancelled ? JOB_CANCELLED : JOB_FAILED, cancelled ? NULL : &error);
        let_go(runner);
}

void runner_hear(Runner *runner, const Message *message, int fd)
{
        _cleanup_(closep) int owned = fd;
        int r = 0;

        if (message->job != runner->serial)
                r = -EBADMSG;
        else if (message->type == MESSAGE_STARTED || message->type == MESSAGE_PROGRESS ||
                 message->type == MESSAGE_PREVIEW_IS || message->type == MESSAGE_PICTURE)
                r = hear_news(runner, message, TAKE_FD(owned));
        else if (message->type == MESSAGE_DONE)
                r = hear_done(runner);
        else if (message->type == MESSAGE_FAILED)
                hear_failed(runner, message);
        else
                r = -EBADMSG;
        if (r < 0)
                residency_kill(runner->service->residency, WORKER_DISTRUSTED);
}

/* No job that waits for this model has a chance. */
static void fail_waiting(Runner *runner, const char *model, const Error *error)
{
        bool found;

        do {
                found = false;
                for (Job *job = queue_first(runner->service->queue); job && !found; job = job->next) {
                        found = job->state == JOB_QUEUED && streq(job->policy.model, model);
                        /* Ending one may remove others from the queue. */
                        if (found)
                                service_finish_job(runner->service, job, JOB_FAILED, error);
                }
        } while (found);
}

void runner_lost(Runner *runner, const char *model, const Error *error, bool hopeless)
{
        bool concerned = runner->serial != 0 || (runner->job && streq(runner->job->policy.model, model));

        if (concerned && runner->job)
                finish(runner, runner->cancelling ? JOB_CANCELLED : JOB_FAILED, runner->cancelling ? NULL : error);
        let_go(runner);
        if (hopeless)
                fail_waiting(runner, model, error);
        load_calls_answer(runner->service->load_calls, model, error);
}

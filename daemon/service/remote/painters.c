/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/remote/commission.h"
#include "service/remote/fitting.h"
#include "service/remote/painters.h"
#include "service/remote/painting.h"
#include "service/store.h"

#define RUNNING_MAX 8

struct Painters {
        Service *service;
        sd_event_source *defer;
        Painting *running[RUNNING_MAX]; /* NULL: a place is free */
};

static Job *job_of(const Painters *painters, const Painting *painting)
{
        return queue_find_serial(painters->service->queue, painting_serial(painting));
}

/* --- the end of one --- */

static Painting **find(Painters *painters, const Job *job)
{
        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (painters->running[i] && painting_serial(painters->running[i]) == job->serial)
                        return &painters->running[i];
        return NULL;
}

/* Out of its place; what it has cost. */
static int64_t leave(Painters *painters, const Job *job)
{
        Painting **place = find(painters, job);
        int64_t cost = 0; /* of one that had not begun */

        if (!place)
                return cost;
        cost = painting_cost(*place);
        *place = painting_free(*place);
        painters_schedule(painters);
        return cost;
}

/* Another one draws it, as routing has it: there, here, or nobody. */
static void pass_on(Painters *painters, Job *job, const Error *error)
{
        Service *service = painters->service;
        Error failure = {};

        commission_settle(painters->service, job, leave(painters, job), "passed on");
        notes_add(job->provenance->notes, "%s: %s", job->provenance->provider, error->text);
        int r = commission_go_on(service, job, &failure);
        if (r < 0) {
                service_finish_job(service, job, JOB_FAILED, error);
        } else if (r > 0) {
                job->state = JOB_QUEUED;
                job_object_update(job_object(job));
        } else {
                queue_come_home(service->queue, job);
                store_inputs(job);
                store_job(job);
                job_object_update(job_object(job));
                runner_schedule(service->runner);
        }
}

static void fail(Painters *painters, Job *job, const Error *error, bool again)
{
        if (again && job->commission->rest.text[0])
                pass_on(painters, job, error);
        else
                service_finish_job(painters->service, job, JOB_FAILED, error);
}

static void on_done(Painting *painting, const Error *error, bool again, void *userdata)
{
        Painters *painters = userdata;
        Job *job = job_of(painters, painting);

        if (!job)
                return;
        const Error failure = error ? *error : (Error) {};
        if (error)
                fail(painters, job, &failure, again);
        else
                service_finish_job(painters->service, job, JOB_DONE, NULL);
}

void painters_forget(Painters *painters, Job *job, JobState state)
{
        if (job->policy.remote)
                commission_settle(painters->service, job, leave(painters, job), job_state_to_string(state));
}

/* --- the beginning of one --- */

static bool may_begin(const Job *job, void *userdata)
{
        const Painters *painters = userdata;
        const Server *server = &job->commission->server;
        uint32_t n = 0;

        for (size_t i = 0; i < RUNNING_MAX; i++) {
                const Job *other = painters->running[i] ? job_of(painters, painters->running[i]) : NULL;
                n += other && streq(other->commission->server.name, server->name);
        }
        return n < server->parallel;
}

static void begin(Painters *painters, Painting **place, Job *job)
{
        Service *service = painters->service;
        Error error = {};

        queue_begin(service->queue, job, JOB_RUNNING, clock_usec(CLOCK_MONOTONIC));
        journal_job(JOURNAL_JOB_BEGUN, job);
        if (painting_new(place, service, job, on_done, painters, &error) < 0) {
                fail(painters, job, &error, true);
                return;
        }
        job_object_update(job_object(job));
}

static int on_defer(sd_event_source *source, void *userdata)
{
        Painters *painters = userdata;
        Job *job;
        (void)source;

        for (size_t i = 0; i < RUNNING_MAX && !painters->service->stopping; i++)
                while (!painters->running[i] && (job = queue_next_remote(painters->service->queue, may_begin, painters)))
                        begin(painters, &painters->running[i], job);
        return 0;
}

/* --- the whole --- */

int painters_new(Painters **ret, Service *service)
{
        Painters *painters = calloc(1, sizeof(Painters));
        if (!painters)
                return -ENOMEM;
        painters->service = service;
        int r = sd_event_add_defer(service->event, &painters->defer, on_defer, painters);
        if (r >= 0)
                r = sd_event_source_set_enabled(painters->defer, SD_EVENT_OFF);
        if (r < 0) {
                painters_free(painters);
                return r;
        }
        *ret = painters;
        return 0;
}

Painters *painters_free(Painters *painters)
{
        if (!painters)
                return NULL;
        sd_event_source_disable_unref(painters->defer);
        for (size_t i = 0; i < RUNNING_MAX; i++)
                painting_free(painters->running[i]);
        free(painters);
        return NULL;
}

void painters_schedule(Painters *painters)
{
        (void)sd_event_source_set_enabled(painters->defer, SD_EVENT_ONESHOT);
}

void painters_want_preview(Painters *painters, const Job *job)
{
        Painting **place = find(painters, job);

        if (place)
                painting_want_preview(*place);
}

static Job *find_unfinished(const Service *service)
{
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (job->policy.remote && !job_state_is_final(job->state))
                        return job;
        return NULL;
}

void painters_stop(Painters *painters, const Error *error)
{
        Job *job;

        while ((job = find_unfinished(painters->service)))
                service_finish_job(painters->service, job, JOB_FAILED, error);
}

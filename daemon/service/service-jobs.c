/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/service-private.h"
#include "service/store.h"

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Service *service = userdata;
        (void)source, (void)usec;

        queue_expire(service->queue, clock_usec(CLOCK_MONOTONIC));
        service_schedule_expiry(service);
        return 0;
}

void service_schedule_expiry(Service *service)
{
        uint64_t next = queue_next_expiry(service->queue);

        service->expiry = sd_event_source_disable_unref(service->expiry);
        if (next == UINT64_MAX)
                return;
        int r = sd_event_add_time(
                        service->event, &service->expiry, CLOCK_MONOTONIC, next, 100 * USEC_PER_MSEC, on_expiry,
                        service);
        if (r < 0)
                (void)log_warning_errno(r, "Results will be kept too long");
}

void service_finish_job(Service *service, Job *job, JobState state, const Error *error)
{
        uid_t uid = job->uid;

        runner_forget(service->runner, job);
        enhancers_forget(service->enhancers, job);
        painters_forget(service->painters, job, state);
        queue_finish(service->queue, job, state, error, clock_usec(CLOCK_MONOTONIC));
        store_job(job);
        journal_job(
                        state == JOB_DONE     ? JOURNAL_JOB_DONE
                        : state == JOB_FAILED ? JOURNAL_JOB_FAILED
                                              : JOURNAL_JOB_CANCELLED,
                        job);
        job_object_tell_end(job_object(job));
        job_object_end_previews(job_object(job));
        service_touch_user(service, uid);
        service_schedule_expiry(service);
        service_update_status(service);
}

void service_remove_job(Service *service, Job *job)
{
        runner_cancel_now(service->runner, job);
        queue_remove(service->queue, job);
        service_schedule_expiry(service);
}

void service_touch_user(Service *service, uid_t uid)
{
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (job->uid == uid && job->state == JOB_QUEUED && job_object(job))
                        job_object_update(job_object(job));
}

void service_forget_job(Job *job, void *userdata)
{
        Service *service = userdata;

        if (!service->stopping && job_object(job))
                store_forget(job);
        if (service->watchers)
                watchers_forget_job(service->watchers, job->serial);
        job->userdata = job_object_free(job->userdata);
}

/* A job of that caller that ends with it; NULL: none (any more). */
static Job *find_orphan(const Service *service, const char *caller)
{
        for (Job *job = queue_first(service->queue); job; job = job->next) {
                const JobObject *object = job_object(job);
                if (object->caller && streq(object->caller, caller) && !job->policy.detach)
                        return job;
        }
        return NULL;
}

void service_forget_caller(const char *name, void *userdata)
{
        Service *service = userdata;
        Job *orphan;

        watchers_forget_connection(service->watchers, name);
        handouts_forget_connection(service->handouts, name);
        intake_forget_connection(service->intake, name);
        for (Job *job = queue_first(service->queue); job; job = job->next)
                job_object_drop_preview_calls(job_object(job), name);

        while ((orphan = find_orphan(service, name)))
                service_remove_job(service, orphan);
        for (Job *job = queue_first(service->queue); job; job = job->next) {
                JobObject *object = job_object(job);
                if (object->caller && streq(object->caller, name)) {
                        free(TAKE_PTR(object->caller));
                        store_job(job);
                }
        }
}

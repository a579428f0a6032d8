/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "service/enhance/engines.h"
#include "service/enhance/enhancers.h"
#include "service/job.h"
#include "service/journal.h"

#define RUNNING_MAX 4

/* One job at work; without one the place is free. */
typedef struct Enhancement {
        Enhancers *owner;
        const PromptEngine *engine;
        void *task;
        uint64_t serial; /* 0: none */
} Enhancement;

struct Enhancers {
        Service *service;
        sd_event_source *defer;
        Enhancement running[RUNNING_MAX];
};

static void clear(Enhancement *enhancement)
{
        if (enhancement->task)
                enhancement->engine->stop(enhancement->task);
        *enhancement = (Enhancement) { .owner = enhancement->owner };
}

/* --- what an engine says --- */

static int add_result(Queue *queue, Job *job, const json_t *result, uint32_t index, Error *error)
{
        _cleanup_(freep) char *text = json_is_string(json_object_get(result, "prompt")) ? json_dumps(result, JSON_COMPACT) : NULL;
        json_int_t seed = json_integer_value(json_object_get(result, "seed"));

        if (!text)
                return error_set(error, -EIO, "A prompt is missing in what the prompt generator said");
        Picture picture = {
                .fd = memfd_new_sealed("prompt", text, strlen(text)),
                .size = strlen(text),
                .seed = seed > 0 ? (uint64_t)seed : job->seed + index,
        };
        if (picture.fd < 0)
                return error_set(error, picture.fd, "No room for a prompt: %s", strerror(-picture.fd));
        int r = queue_add_picture(queue, job, &picture, error);
        if (r < 0)
                closep(&picture.fd);
        return r;
}

static int add_results(Queue *queue, Job *job, const json_t *answer, Error *error)
{
        const json_t *results = json_object_get(answer, "results");
        int r = 0;

        if (json_array_size(results) == 0)
                return error_set(error, -EIO, "The prompt generator made no prompt");
        for (uint32_t i = 0; i < json_array_size(results) && i < job->count && r >= 0; i++)
                r = add_result(queue, job, json_array_get(results, i), i, error);
        return r;
}

static void on_done(const json_t *answer, const Error *error, void *userdata)
{
        Enhancement *enhancement = userdata;
        Service *service = enhancement->owner->service;
        Job *job = queue_find_serial(service->queue, enhancement->serial);
        Error failure = error ? *error : (Error) {};

        int r = answer && job ? add_results(service->queue, job, answer, &failure) : -EIO;
        enhancers_schedule(enhancement->owner);
        clear(enhancement);
        if (job)
                service_finish_job(service, job, r < 0 ? JOB_FAILED : JOB_DONE, r < 0 ? &failure : NULL);
}

/* --- beginning --- */

static int start(Enhancement *enhancement, Job *job, Error *error)
{
        json_t *request = json_loads(job->ask, 0, NULL);
        const char *name = json_string_value(json_object_get(request, "engine"));

        enhancement->serial = job->serial;
        enhancement->engine = prompt_engine_find(name ? name : "");
        int r = -EINVAL;
        if (!enhancement->engine)
                (void)error_set(error, r, "engine: there is none called %.64s", name ? name : "");
        else
                r = enhancement->engine->start(
                                &enhancement->task, enhancement->owner->service, job, request, on_done, enhancement, error);
        json_decref(request);
        return r;
}

static void begin(Enhancement *enhancement, Job *job)
{
        Service *service = enhancement->owner->service;
        Error error = {};

        queue_begin(service->queue, job, JOB_RUNNING, clock_usec(CLOCK_MONOTONIC));
        journal_job(JOURNAL_JOB_BEGUN, job);
        int r = start(enhancement, job, &error);
        if (r < 0) {
                clear(enhancement);
                service_finish_job(service, job, JOB_FAILED, &error);
                return;
        }
        job_object_update(job_object(job));
}

static Job *find_waiting(const Service *service)
{
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (job->policy.writes && job->state == JOB_QUEUED)
                        return job;
        return NULL;
}

static int on_defer(sd_event_source *source, void *userdata)
{
        Enhancers *enhancers = userdata;
        Job *job;
        (void)source;

        for (size_t i = 0; i < RUNNING_MAX && !enhancers->service->stopping; i++)
                while (enhancers->running[i].serial == 0 && (job = find_waiting(enhancers->service)))
                        begin(&enhancers->running[i], job);
        return 0;
}

/* --- the whole --- */

int enhancers_new(Enhancers **ret, Service *service)
{
        Enhancers *enhancers = calloc(1, sizeof(Enhancers));
        if (!enhancers)
                return -ENOMEM;
        enhancers->service = service;
        for (size_t i = 0; i < RUNNING_MAX; i++)
                enhancers->running[i].owner = enhancers;
        int r = sd_event_add_defer(service->event, &enhancers->defer, on_defer, enhancers);
        if (r >= 0)
                r = sd_event_source_set_enabled(enhancers->defer, SD_EVENT_OFF);
        if (r < 0) {
                enhancers_free(enhancers);
                return r;
        }
        *ret = enhancers;
        return 0;
}

Enhancers *enhancers_free(Enhancers *enhancers)
{
        if (!enhancers)
                return NULL;
        sd_event_source_disable_unref(enhancers->defer);
        for (size_t i = 0; i < RUNNING_MAX; i++)
                clear(&enhancers->running[i]);
        free(enhancers);
        return NULL;
}

void enhancers_schedule(Enhancers *enhancers)
{
        (void)sd_event_source_set_enabled(enhancers->defer, SD_EVENT_ONESHOT);
}

void enhancers_forget(Enhancers *enhancers, const Job *job)
{
        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (enhancers->running[i].serial == job->serial) {
                        clear(&enhancers->running[i]);
                        enhancers_schedule(enhancers);
                }
}

static Job *find_unfinished(const Service *service)
{
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (job->policy.writes && !job_state_is_final(job->state))
                        return job;
        return NULL;
}

void enhancers_stop(Enhancers *enhancers, const Error *error)
{
        Job *job;

        while ((job = find_unfinished(enhancers->service)))
                service_finish_job(enhancers->service, job, JOB_FAILED, error);
}

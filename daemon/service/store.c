/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "service/job.h"
#include "service/store-private.h"

bool store_exists(void)
{
        const char *socket = getenv("NOTIFY_SOCKET");
        return socket && *socket;
}

static void put(const char *name, int fd)
{
        char text[2 * STORE_NAME_SIZE];

        (void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
        int r = sd_pid_notify_with_fds(0, false, text, &fd, 1);
        if (r < 0)
                log_debug("A descriptor is not stored: %s", strerror(-r));
}

void store_take_out(const char *name)
{
        (void)sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void store_job_name(const Job *job, char ret[static STORE_NAME_SIZE])
{
        (void)snprintf(ret, STORE_NAME_SIZE, "job-%" PRIu64, job->serial);
}

void store_picture_name(const Job *job, uint32_t index, char ret[static STORE_NAME_SIZE])
{
        (void)snprintf(ret, STORE_NAME_SIZE, "picture-%" PRIu64 "-%" PRIu32, job->serial, index);
}

void store_input_name(const Job *job, uint32_t input, char ret[static STORE_NAME_SIZE])
{
        (void)snprintf(ret, STORE_NAME_SIZE, "input-%" PRIu64 "-%" PRIu32, job->serial, input);
}

/* Member by member, so that nothing of the stack stands between them or behind a text. */
static void fill_policy(JobPolicy *stored, const JobPolicy *policy)
{
        (void)snprintf(stored->model, sizeof(stored->model), "%s", policy->model);
        stored->priority = policy->priority;
        stored->detach = policy->detach;
        stored->keep_alive = policy->keep_alive;
}

static void fill_picture(Picture *stored, const Picture *picture)
{
        stored->fd = -1;
        stored->size = picture->size;
        stored->width = picture->width;
        stored->height = picture->height;
        stored->seed = picture->seed;
        stored->precision = picture->precision;
        memcpy(stored->pixels, picture->pixels, sizeof(stored->pixels));
        memcpy(stored->tokenizer, picture->tokenizer, sizeof(stored->tokenizer));
        memcpy(stored->record, picture->record, sizeof(stored->record));
}

static void fill(Record *record, const Job *job)
{
        const JobObject *object = job_object(job);

        memcpy(record->magic, STORE_MAGIC, sizeof(record->magic));
        (void)snprintf(record->version, sizeof(record->version), "%s", VERSION);
        record->protocol = PROTOCOL_VERSION;
        record->uid = job->uid;
        record->id = job->id;
        record->state = job_state_is_final(job->state) ? job->state : JOB_QUEUED;
        record->deaths = job->deaths;
        record->n_pictures = job->n_pictures;
        record->dropped = job->dropped;
        record->serial = job->serial;
        record->created = job->created;
        record->ended = job->ended;
        record->progress = job->progress;
        record->resolved = job->resolved;
        fill_policy(&record->policy, &job->policy);
        record->error.code = job->error.code;
        (void)snprintf(record->error.text, sizeof(record->error.text), "%s", job->error.text);
        (void)snprintf(record->app, sizeof(record->app), "%s", job->app ? job->app->name : "");
        (void)snprintf(record->caller, sizeof(record->caller), "%s", object && object->caller ? object->caller : "");
        if (job->request)
                record->request = *job->request;
        else
                request_init(&record->request);
        record->request.count = job->count;
        record->request.preview_every = job->preview_every;
        record->request.seed = job->seed;
        record->request.format = (uint8_t)job->format;
        for (size_t i = 0; i < INPUT_MAX; i++)
                record->input_sizes[i] = job->inputs[i].fd >= 0 ? job->inputs[i].size : 0;
        for (uint32_t i = 0; i < job->n_pictures; i++)
                fill_picture(&record->pictures[i], &job->pictures[i]);
}

void store_inputs(const Job *job)
{
        char name[STORE_NAME_SIZE];

        for (uint32_t i = 0; i < INPUT_MAX && store_exists() && !job_is_beside(job); i++) {
                store_input_name(job, i, name);
                if (job->inputs[i].fd >= 0)
                        put(name, job->inputs[i].fd);
        }
}

/* Those of a job that has ended. */
static void forget_inputs(const Job *job)
{
        char name[STORE_NAME_SIZE];

        for (uint32_t i = 0; i < INPUT_MAX; i++) {
                store_input_name(job, i, name);
                if (job->inputs[i].size > 0)
                        store_take_out(name);
        }
}

void store_job(const Job *job)
{
        char name[STORE_NAME_SIZE];

        if (!store_exists() || job_is_beside(job))
                return;
        if (job_state_is_final(job->state))
                forget_inputs(job);
        _cleanup_(freep) Record *record = calloc(1, sizeof(Record));
        if (!record)
                return;
        fill(record, job);
        _cleanup_(closep) int fd = memfd_new_sealed("job", record, sizeof(*record));
        explicit_bzero(record, sizeof(*record));
        store_job_name(job, name);
        store_take_out(name);
        if (fd >= 0)
                put(name, fd);
}

void store_picture(const Job *job, uint32_t index)
{
        char name[STORE_NAME_SIZE];

        if (!store_exists())
                return;
        store_picture_name(job, index, name);
        put(name, job->pictures[index].fd);
        store_job(job);
}

static void forget_pictures(const Job *job)
{
        char name[STORE_NAME_SIZE];

        for (uint32_t i = 0; i < job->n_pictures; i++) {
                store_picture_name(job, i, name);
                store_take_out(name);
        }
}

void store_forget(const Job *job)
{
        char name[STORE_NAME_SIZE];

        if (!store_exists())
                return;
        forget_inputs(job);
        forget_pictures(job);
        store_job_name(job, name);
        store_take_out(name);
}

void store_sweep(const Queue *queue)
{
        for (Job *job = queue_first(queue); job && store_exists(); job = job->next) {
                JobObject *object = job_object(job);
                if (!job->dropped || !object || object->is_swept)
                        continue;
                object->is_swept = true;
                forget_pictures(job);
                store_job(job);
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the last process left, taken up by a new one. */

#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "service/job.h"
#include "service/models.h"
#include "service/picture.h"
#include "service/store-private.h"

#define FDS_MAX 20000

static bool is_terminated(const char *text, size_t size)
{
        return memchr(text, '\0', size) != NULL;
}

static bool record_is_valid(const Record *record)
{
        const Request *request = &record->request;

        return memcmp(record->magic, STORE_MAGIC, sizeof(record->magic)) == 0 &&
               strncmp(record->version, VERSION, sizeof(record->version)) == 0 && record->protocol == PROTOCOL_VERSION &&
               is_terminated(record->policy.model, sizeof(record->policy.model)) &&
               model_name_is_valid(record->policy.model) && record->policy.priority < PRIORITY_MAX &&
               is_terminated(record->error.text, sizeof(record->error.text)) &&
               is_terminated(record->app, sizeof(record->app)) &&
               is_terminated(record->caller, sizeof(record->caller)) && request_check(request, NULL) >= 0 &&
               record->n_pictures <= request->count && record->id > 0 && record->serial > 0 &&
               (record->state == JOB_QUEUED || (record->state < JOB_STATE_MAX && job_state_is_final(record->state)));
}

static Record *read_record(int fd)
{
        size_t size;

        if (memfd_check_sealed(fd, sizeof(Record), &size) < 0 || size != sizeof(Record))
                return NULL;
        _cleanup_(freep) Record *record = malloc(sizeof(Record));
        if (!record || pread(fd, record, sizeof(Record), 0) != sizeof(Record) || !record_is_valid(record))
                return NULL;
        return TAKE_PTR(record);
}

/* The picture's descriptor among those that were handed over, which it takes out of the list; -1: not there. */
static int find_picture(const Job *job, uint32_t index, const Picture *picture, int n, int fds[], char *const names[])
{
        char name[STORE_NAME_SIZE];
        size_t size;

        store_picture_name(job, index, name);
        for (int i = 0; i < n; i++)
                if (fds[i] >= 0 && streq(names[i], name) && picture_size(fds[i], &size) >= 0 &&
                    size == picture->size && picture_check(fds[i], job->format, picture->width, picture->height) >= 0)
                        return TAKE_FD(fds[i]);
        return -1;
}

static void restore_pictures(Queue *queue, Job *job, const Record *record, int n, int fds[], char *const names[])
{
        for (uint32_t i = 0; i < record->n_pictures; i++) {
                Picture picture = record->pictures[i];
                picture.pixels[sizeof(picture.pixels) - 1] = picture.record[sizeof(picture.record) - 1] = '\0';
                picture.tokenizer[sizeof(picture.tokenizer) - 1] = '\0';
                picture.precision = picture.precision < PRECISION_MAX ? picture.precision : PRECISION_AUTO;
                picture.fd = find_picture(job, i, &picture, n, fds, names);
                /* One that is lost is made again; those behind it as well. */
                if (picture.fd < 0 && !job_state_is_final(record->state))
                        return;
                if (queue_add_picture(queue, job, &picture, NULL) < 0) {
                        closep(&picture.fd);
                        return;
                }
        }
}

static int find_input(const Job *job, uint32_t input, uint64_t wanted, int n, int fds[], char *const names[])
{
        char name[STORE_NAME_SIZE];
        size_t size;

        store_input_name(job, input, name);
        for (int i = 0; i < n; i++)
                if (fds[i] >= 0 && streq(names[i], name) && memfd_check_sealed(fds[i], INPUT_BYTES_MAX, &size) >= 0 &&
                    size == wanted)
                        return TAKE_FD(fds[i]);
        return -1;
}

/* Those that a job still needs; false: one is lost. The limits were heeded when they came. */
static bool restore_inputs(Queue *queue, Job *job, const Record *record, int n, int fds[], char *const names[])
{
        for (uint32_t i = 0; i < INPUT_MAX; i++) {
                if (!(record->request.inputs & 1U << i) || job_state_is_final((JobState)record->state))
                        continue;
                int fd = find_input(job, i, record->input_sizes[i], n, fds, names);
                if (fd < 0)
                        return false;
                if (queue_add_input(queue, job, (Input)i, fd, record->input_sizes[i], NULL) < 0) {
                        closep(&fd);
                        return false;
                }
        }
        return true;
}

static bool is_connected(sd_bus *bus, const char *name)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        return *name && sd_bus_get_name_creds(bus, name, 0, &creds) >= 0;
}

static void restore(Service *service, const Record *record, int n, int fds[], char *const names[])
{
        bool connected = is_connected(service->bus, record->caller);
        Job *job;

        int r = queue_restore(
                        service->queue, &record->request, &record->policy, record->uid, record->app, record->id,
                        record->serial, &job);
        if (r >= 0)
                r = job_object_new(service, job, record->caller);
        if (r < 0) {
                (void)log_warning_errno(r, "A job is lost");
                return;
        }
        if (!connected)
                free(TAKE_PTR(job_object(job)->caller));
        job->created = record->created;
        job->deaths = record->deaths;
        job->resolved = record->resolved;
        restore_pictures(service->queue, job, record, n, fds, names);
        if (!restore_inputs(service->queue, job, record, n, fds, names)) {
                Error lost;
                (void)error_set(&lost, -EIO, "What the job starts from was lost when the service was started anew");
                queue_finish(service->queue, job, JOB_FAILED, &lost, clock_usec(CLOCK_MONOTONIC));
                job_object_update(job_object(job));
                return;
        }
        job->dropped = record->dropped;
        if (job_state_is_final((JobState)record->state)) {
                queue_finish(service->queue, job, (JobState)record->state, &record->error, record->ended);
        } else if (!connected && !job->policy.detach) {
                queue_remove(service->queue, job);
                return;
        }
        job->progress = job_state_is_final(job->state) ? record->progress : 0;
        job_object_update(job_object(job));
}

static int by_serial(const void *a, const void *b)
{
        const Record *const *p = a, *const *q = b;
        return ((*p)->serial > (*q)->serial) - ((*p)->serial < (*q)->serial);
}

/* Takes the records out of the list; their number is returned. */
static int read_records(int n, int fds[], char *const names[], Record *records[])
{
        int found = 0;

        for (int i = 0; i < n; i++) {
                if (strncmp(names[i], "job-", 4) != 0)
                        continue;
                Record *record = read_record(fds[i]);
                (void)close(TAKE_FD(fds[i]));
                if (record)
                        records[found++] = record;
                else
                        log_warning("A stored job cannot be read");
                /* It is stored anew under its name, with what has become of it. */
        }
        qsort(records, (size_t)found, sizeof(Record *), by_serial);
        return found;
}

void store_restore(Service *service)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(true, &names);
        if (n <= 0 || n > FDS_MAX)
                return;

        _cleanup_(freep) int *fds = calloc((size_t)n, sizeof(int));
        _cleanup_(freep) Record **records = calloc((size_t)n, sizeof(Record *));
        for (int i = 0; fds && i < n; i++)
                fds[i] = SD_LISTEN_FDS_START + i;
        if (fds && records) {
                int found = read_records(n, fds, names, records);
                for (int i = 0; i < found; i++) {
                        restore(service, records[i], n, fds, names);
                        explicit_bzero(records[i], sizeof(Record));
                        free(records[i]);
                }
                if (found > 0)
                        log_info("Took over %d jobs", found);
        }
        for (int i = 0; i < n; i++) {
                if (fds && fds[i] >= 0) {
                        store_take_out(names[i]);
                        (void)close(fds[i]);
                }
                free(names[i]);
        }
        free(names);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "queue/users.h"
#include "service/job.h"
#include "service/models.h"
#include "service/picture.h"
#include "service/store.h"
#include "workers/protocol.h"

#define NAME_SIZE 64
#define FDS_MAX 20000

static const char magic[8] = "IMGJOB01";

/* A job as it lies in its memfd. Read by the same version only, and checked even so. */
typedef struct Record {
        char magic[8], version[16];
        uint32_t protocol; /* PROTOCOL_VERSION: it is made of the same structs */
        uint32_t uid, id, state, deaths, n_pictures, dropped;
        uint64_t input_sizes[INPUT_MAX]; /* 0: none, or not needed any more */
        uint64_t serial, created, ended;
        double progress;
        Resolved resolved;
        JobPolicy policy;
        Error error;
        char app[APP_NAME_MAX + 1], caller[APP_NAME_MAX + 1];
        Request request; /* without the prompts once the job has ended */
        Picture pictures[REQUEST_COUNT_MAX]; /* their descriptors mean nothing */
} Record;

bool store_exists(void)
{
        const char *socket = getenv("NOTIFY_SOCKET");
        return socket && *socket;
}

static void put(const char *name, int fd)
{
        char text[2 * NAME_SIZE];

        (void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
        int r = sd_pid_notify_with_fds(0, false, text, &fd, 1);
        if (r < 0)
                log_debug("A descriptor is not stored: %s", strerror(-r));
}

static void take_out(const char *name)
{
        (void)sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static void job_name(const Job *job, char ret[static NAME_SIZE])
{
        (void)snprintf(ret, NAME_SIZE, "job-%" PRIu64, job->serial);
}

static void picture_name(const Job *job, uint32_t index, char ret[static NAME_SIZE])
{
        (void)snprintf(ret, NAME_SIZE, "picture-%" PRIu64 "-%" PRIu32, job->serial, index);
}

static void input_name(const Job *job, uint32_t input, char ret[static NAME_SIZE])
{
        (void)snprintf(ret, NAME_SIZE, "input-%" PRIu64 "-%" PRIu32, job->serial, input);
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
        memcpy(stored->pixels, picture->pixels, sizeof(stored->pixels));
        memcpy(stored->record, picture->record, sizeof(stored->record));
}

static void fill(Record *record, const Job *job)
{
        const JobObject *object = job_object(job);

        memcpy(record->magic, magic, sizeof(magic));
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
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < INPUT_MAX && store_exists(); i++) {
                input_name(job, i, name);
                if (job->inputs[i].fd >= 0)
                        put(name, job->inputs[i].fd);
        }
}

/* Those of a job that has ended. */
static void forget_inputs(const Job *job)
{
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < INPUT_MAX; i++) {
                input_name(job, i, name);
                if (job->inputs[i].size > 0)
                        take_out(name);
        }
}

void store_job(const Job *job)
{
        char name[NAME_SIZE];

        if (!store_exists() || job->policy.writes)
                return;
        if (job_state_is_final(job->state))
                forget_inputs(job);
        _cleanup_(freep) Record *record = calloc(1, sizeof(Record));
        if (!record)
                return;
        fill(record, job);
        _cleanup_(closep) int fd = memfd_new_sealed("job", record, sizeof(*record));
        explicit_bzero(record, sizeof(*record));
        job_name(job, name);
        take_out(name);
        if (fd >= 0)
                put(name, fd);
}

void store_picture(const Job *job, uint32_t index)
{
        char name[NAME_SIZE];

        if (!store_exists())
                return;
        picture_name(job, index, name);
        put(name, job->pictures[index].fd);
        store_job(job);
}

static void forget_pictures(const Job *job)
{
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < job->n_pictures; i++) {
                picture_name(job, i, name);
                take_out(name);
        }
}

void store_forget(const Job *job)
{
        char name[NAME_SIZE];

        if (!store_exists())
                return;
        forget_inputs(job);
        forget_pictures(job);
        job_name(job, name);
        take_out(name);
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

/* --- a new process --- */

static bool is_terminated(const char *text, size_t size)
{
        return memchr(text, '\0', size) != NULL;
}

static bool record_is_valid(const Record *record)
{
        const Request *request = &record->request;

        return memcmp(record->magic, magic, sizeof(magic)) == 0 &&
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
        char name[NAME_SIZE];
        size_t size;

        picture_name(job, index, name);
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
        char name[NAME_SIZE];
        size_t size;

        input_name(job, input, name);
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
                        take_out(names[i]);
                        (void)close(fds[i]);
                }
                free(names[i]);
        }
        free(names);
}

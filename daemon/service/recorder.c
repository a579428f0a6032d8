/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "records/records.h"
#include "service/record.h"
#include "service/recorder.h"

#define WAITING_MAX 256
#define RETRY (USEC_PER_SEC / 2)
#define MINUTES_PER_DAY (24 * 60)
#define LAST_PATIENCE 2000 /* milliseconds, when the service ends */

/* Tests have no patience. */
static uint64_t day(void)
{
        const char *text = getenv("IMAGINED_RECORDER_TEST_DAY_MS");
        return text ? strtoull(text, NULL, 10) * USEC_PER_MSEC : 86400 * USEC_PER_SEC;
}

struct Recorder {
        Service *service;
        Records *records; /* NULL: not opened yet, or it cannot be */
        json_t *waiting; /* records, oldest first, while somebody else writes */
        json_t *incomplete; /* by id: the model whose digest was not known yet */
        sd_event_source *timer, *daily;
        int complained; /* the error that the log has, so that it has it once */
        bool has_remains; /* words of what was too old are still in the files */
        uint64_t job, spent; /* the last one noted, and how much work was behind it then, µs */
};

static int begin_days(Recorder *recorder);

int recorder_new(Recorder **ret, Service *service)
{
        Recorder *recorder = calloc(1, sizeof(Recorder));
        if (!recorder)
                return -ENOMEM;
        recorder->service = service;
        recorder->waiting = json_array();
        recorder->incomplete = json_object();
        int r = recorder->waiting && recorder->incomplete ? begin_days(recorder) : -ENOMEM;
        if (r < 0) {
                recorder_free(recorder);
                return r;
        }
        *ret = recorder;
        return 0;
}

/* The words of the library quote nothing of what is recorded. */
static void complain(Recorder *recorder, int r, const Error *error)
{
        if (recorder->complained != r)
                log_warning("Pictures are not recorded: %s", error->text[0] ? error->text : strerror(-r));
        recorder->complained = r;
}

static int open_records(Recorder *recorder, RecordsMode mode, Error *error)
{
        _cleanup_(freep) char *path = NULL;

        if (recorder->records && records_have_moved(recorder->records)) /* what was written there would be lost */
                recorder->records = records_close(recorder->records);
        if (recorder->records)
                return 0;
        int r = records_path(&path);
        if (r < 0)
                return error_set(error, r, "There is no home directory");
        r = records_open(&recorder->records, path, mode, error);
        if (r < 0)
                return r;
        records_set_patience(recorder->records, 0);
        records_leave_checkpoints(recorder->records);
        return 0;
}

static int write_down(Recorder *recorder, const json_t *record, Error *error)
{
        int r = open_records(recorder, RECORDS_CREATE, error);
        if (r >= 0)
                r = records_add(recorder->records, record, error);
        if (r >= 0 && records_limit_bytes(recorder->records, recorder->service->config->record_bytes, NULL) < 0)
                log_debug("Old records stay for now");
        return r;
}

/* What is too old, out of the files, too, which are written anew: that takes a second for 100,000 records. */
static int take_out_old(Recorder *recorder)
{
        const Config *config = recorder->service->config;
        uint64_t n = 0;

        int r = open_records(recorder, RECORDS_EXIST, NULL);
        if (r >= 0)
                r = records_limit_bytes(recorder->records, config->record_bytes, NULL);
        if (r >= 0)
                r = records_limit_days(recorder->records, config->record_days, &n, NULL);
        if (n > 0)
                recorder->has_remains = true;
        if (r >= 0 && recorder->has_remains)
                r = records_scrub(recorder->records, NULL);
        if (r >= 0)
                recorder->has_remains = false;
        return r;
}

/* Also while nothing is drawn, and though nothing is recorded any more. */
static int on_day(sd_event_source *source, uint64_t usec, void *userdata)
{
        Recorder *recorder = userdata;
        (void)usec;

        int r = take_out_old(recorder);
        r = sd_event_source_set_time_relative(source, r == -EAGAIN ? (recorder->has_remains ? day() / MINUTES_PER_DAY : RETRY) : day());
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* At first as soon as there is time; the machine's instance has no records. */
static int begin_days(Recorder *recorder)
{
        return recorder->service->forward ? sd_event_add_time_relative(recorder->service->event, &recorder->daily, CLOCK_BOOTTIME, 0, 0, on_day, recorder)
                                          : 0;
}

static void try_again(Recorder *recorder);

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Recorder *recorder = userdata;
        (void)source, (void)usec;

        recorder->timer = sd_event_source_disable_unref(recorder->timer);
        try_again(recorder);
        return 0;
}

/* Writes what waits, in its order, until somebody else writes. What cannot be written is given up. */
static void try_again(Recorder *recorder)
{
        while (json_array_size(recorder->waiting) > 0) {
                Error error = {};
                int r = write_down(recorder, json_array_get(recorder->waiting, 0), &error);
                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        complain(recorder, r, &error);
                else
                        recorder->complained = 0;
                (void)json_array_remove(recorder->waiting, 0);
        }
        if (json_array_size(recorder->waiting) > 0 && !recorder->timer)
                (void)sd_event_add_time_relative(
                                recorder->service->event, &recorder->timer, CLOCK_MONOTONIC, RETRY, 0, on_retry, recorder);
}

Recorder *recorder_free(Recorder *recorder)
{
        if (!recorder)
                return NULL;
        if (recorder->records)
                records_set_patience(recorder->records, LAST_PATIENCE);
        try_again(recorder);
        sd_event_source_disable_unref(recorder->timer);
        sd_event_source_disable_unref(recorder->daily);
        records_close(recorder->records);
        json_decref(recorder->waiting);
        json_decref(recorder->incomplete);
        free(recorder);
        return NULL;
}

/* Of work on this picture alone. */
static double seconds_of(Recorder *recorder, const Job *job)
{
        const uint64_t spent = job->spent + (job->begun ? clock_usec(CLOCK_MONOTONIC) - job->begun : 0);
        const uint64_t before = recorder->job == job->serial ? recorder->spent : 0;

        recorder->job = job->serial;
        recorder->spent = spent;
        return (double)(spent - MIN(spent, before)) / (double)USEC_PER_SEC;
}

void recorder_note(Recorder *recorder, Job *job, uint32_t index)
{
        Picture *picture = &job->pictures[index];
        const double seconds = seconds_of(recorder, job);

        /* A user's instance knows the machine's, and the machine's none. */
        if (!recorder->service->forward || !recorder->service->config->records || records_new_id(picture->record) < 0)
                return;
        json_t *record = record_new(recorder->service, job, index, seconds);
        if (!record || json_array_size(recorder->waiting) >= WAITING_MAX ||
            json_array_append(recorder->waiting, record) < 0) {
                complain(recorder, -ENOMEM, &(Error) { .text = "There are too many that wait" });
                picture->record[0] = '\0';
        } else if (!json_object_get(record, "model_digest") && json_object_size(recorder->incomplete) < WAITING_MAX) {
                (void)json_object_set(recorder->incomplete, picture->record, json_object_get(record, "model"));
        }
        json_decref(record);
        if (!recorder->timer)
                try_again(recorder);
}

void recorder_follow_digests(Recorder *recorder)
{
        const char *id;
        json_t *model;
        void *next;

        json_object_foreach_safe(recorder->incomplete, next, id, model)
        {
                json_t *changes = json_object();
                if (recorder->records && record_set_model(changes, recorder->service, json_string_value(model)) &&
                    records_change(recorder->records, id, changes, NULL) != -EAGAIN)
                        (void)json_object_del(recorder->incomplete, id);
                json_decref(changes);
        }
}

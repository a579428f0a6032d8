/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The signals of a job. They are sent to single connections: the one that called Generate, and those of the same user
 * that called Watch. A broadcast would reach other users. */

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/job.h"

#define UPDATE_INTERVAL (USEC_PER_SEC / 4)
/* Every job that begins or ends moves all that wait, and each of them is told of to everybody who watches. */
#define WAITING_INTERVAL USEC_PER_SEC
#define UNREAD_MAX 16384 /* bytes that the bus has yet to read */

typedef int (*append_t)(const JobObject *object, const void *data, sd_bus_message *signal);

static int send_to(const JobObject *object, const char *name, const char *member, append_t append, const void *data)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        char path[JOB_PATH_MAX];

        job_object_path(object->job, path);
        int r = sd_bus_message_new_signal(
                        object->service->bus, &signal, path, IMAGINE_JOB_INTERFACE, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_destination(signal, name);
        if (r < 0)
                return r;
        r = append(object, data, signal);
        if (r < 0)
                return r;
        return sd_bus_send(object->service->bus, signal, NULL);
}

/* A full queue towards the bus loses a signal; the properties still tell. */
static void send_or_lose(
                const JobObject *object, const char *name, const char *member, append_t append, const void *data)
{
        int r = send_to(object, name, member, append, data);
        if (r < 0)
                log_debug("A signal is lost: %s", strerror(-r));
}

static void send_to_all(const JobObject *object, const char *member, append_t append, const void *data)
{
        const Job *job = object->job;
        const char *name;
        size_t cursor = 0;

        if (object->caller)
                send_or_lose(object, object->caller, member, append, data);
        while ((name = watchers_next(object->service->watchers, &cursor, job->uid, job->serial)))
                if (!object->caller || !streq(name, object->caller))
                        send_or_lose(object, name, member, append, data);
}

static int append_update(const JobObject *object, const void *data, sd_bus_message *signal)
{
        return snapshot_append_changes(&object->told, data, signal);
}

static void tell(JobObject *object, const Snapshot *now)
{
        object->timer = sd_event_source_disable_unref(object->timer);
        if (snapshot_count_changes(&object->told, now) > 0)
                send_to_all(object, "Updated", append_update, now);
        snapshot_remember(&object->told, now);
        object->told_at = clock_usec(CLOCK_MONOTONIC);
}

/* Answers come before progress: while the bus has much to read, Updated waits. Many watchers of many jobs are more than a
 * bus can pass on, and whatever lies in its socket is ahead of the next answer. */
static bool is_bus_slow(const JobObject *object)
{
        sd_bus *bus = object->service->bus;
        uint64_t n;
        int unread;

        if (sd_bus_get_n_queued_write(bus, &n) >= 0 && n > 0)
                return true;
        return ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &unread) == 0 && unread > UNREAD_MAX;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        JobObject *object = userdata;
        Snapshot now;
        (void)usec;

        if (is_bus_slow(object) && sd_event_source_set_time_relative(source, UPDATE_INTERVAL) >= 0)
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        snapshot_take(&now, object->job, object->service->queue, runner_pace(object->service->runner));
        tell(object, &now);
        return 0;
}

static uint64_t next_update(const JobObject *object)
{
        return object->told_at + (object->job->state == JOB_QUEUED ? WAITING_INTERVAL : UPDATE_INTERVAL);
}

void job_object_update(JobObject *object)
{
        bool is_new_state = !object->told.state || !streq(object->told.state, job_state_to_string(object->job->state));
        uint64_t due = next_update(object);
        Snapshot now;

        if (!is_new_state && object->timer) /* which tells all that is new by then */
                return;
        snapshot_take(&now, object->job, object->service->queue, runner_pace(object->service->runner));
        if (!is_new_state && snapshot_count_changes(&object->told, &now) == 0)
                return;
        if (is_new_state || (clock_usec(CLOCK_MONOTONIC) >= due && !is_bus_slow(object))) {
                tell(object, &now);
                return;
        }
        if (!object->timer)
                (void)sd_event_add_time(
                                object->service->event, &object->timer, CLOCK_MONOTONIC,
                                MAX(due, clock_usec(CLOCK_MONOTONIC) + UPDATE_INTERVAL / 4),
                                10 * USEC_PER_MSEC, on_time, object);
}

static int append_end(const JobObject *object, const void *data, sd_bus_message *signal)
{
        const Job *job = object->job;
        (void)data;

        int r = sd_bus_message_append(signal, "s", job_state_to_string(job->state));
        if (r < 0)
                return r;
        if (job->state != JOB_FAILED)
                return sd_bus_message_append(signal, "a{sv}", 1, "pictures", "u", job->n_pictures);
        return sd_bus_message_append(
                        signal, "a{sv}", 3, "pictures", "u", job->n_pictures, "error", "s",
                        error_bus_name(job->error.code), "message", "s", job->error.text);
}

void job_object_tell_end(JobObject *object)
{
        job_object_update(object);
        object->timer = sd_event_source_disable_unref(object->timer);
        send_to_all(object, "Finished", append_end, NULL);
}

static int append_preview(const JobObject *object, const void *data, sd_bus_message *signal)
{
        (void)object;
        return sd_bus_message_append(signal, "u", *(const uint32_t *)data);
}

void job_object_tell_preview(JobObject *object, uint32_t step)
{
        send_to_all(object, "PreviewReady", append_preview, &step);
}

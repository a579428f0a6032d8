/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GetPreview: answered when the next step is done, or at once where previews come anyway (preview-every). */

#include <errno.h>

#include "base/memfd.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/job.h"

static int reply_preview(const JobObject *object, sd_bus_message *call, const PreviewInfo *info, int preview)
{
        Handouts *handouts = object->service->handouts;

        if (!handouts_have_room(handouts, object->job->uid))
                return sd_bus_reply_method_errorf(
                                call, error_bus_name(-EDQUOT), "Too many pictures were sent and have not been read");
        _cleanup_(closep) int fd = memfd_reopen(preview);
        if (fd < 0)
                return fd;
        int r = sd_bus_reply_method_return(
                        call, "ha{sv}", fd, 4, "picture", "u", info->picture, "step", "u", info->step, "width", "u",
                        info->width, "height", "u", info->height);
        if (r >= 0)
                handouts_sent(handouts, sd_bus_message_get_sender(call), object->job->uid);
        return r;
}

/* Why an ended job has no preview. */
static void no_preview(const Job *job, Error *ret)
{
        if (job->state == JOB_FAILED)
                *ret = job->error;
        else if (job->state == JOB_DONE)
                (void)error_set(ret, -ENODATA, "The job has ended: its pictures are there");
        else
                (void)error_set(ret, -ECANCELED, "The job was cancelled");
}

static void want_preview(const JobObject *object)
{
        if (object->job->policy.remote)
                painters_want_preview(object->service->painters, object->job);
        else
                runner_want_preview(object->service->runner, object->job);
}

int job_object_get_preview(JobObject *object, sd_bus_message *call, sd_bus_error *error)
{
        Error e;

        if (job_state_is_final(object->job->state)) {
                no_preview(object->job, &e);
                return error_to_bus(error, &e);
        }
        if (object->preview_fd >= 0)
                return reply_preview(object, call, &object->preview, object->preview_fd);
        if (object->n_preview_calls >= PREVIEW_CALLS_MAX)
                return error_to_bus_code(error, -EDQUOT, "Too many calls wait for a preview of this job");

        object->preview_calls[object->n_preview_calls++] = sd_bus_message_ref(call);
        if (object->n_preview_calls == 1)
                want_preview(object);
        return 1;
}

static void answer_all(JobObject *object, const PreviewInfo *info, int fd)
{
        for (size_t i = 0; i < object->n_preview_calls; i++) {
                sd_bus_message *call = object->preview_calls[i];
                int r = reply_preview(object, call, info, fd);
                if (r < 0)
                        (void)sd_bus_reply_method_errno(call, r, NULL);
                sd_bus_message_unref(call);
        }
        object->n_preview_calls = 0;
}

void job_object_take_preview(JobObject *object, const PreviewInfo *info, int fd)
{
        answer_all(object, info, fd);
        if (object->job->preview_every == 0) {
                (void)close(fd);
                return;
        }
        if (object->preview_fd >= 0)
                (void)close(object->preview_fd);
        object->preview_fd = fd;
        object->preview = *info;
        job_object_tell_preview(object, info->step);
}

void job_object_end_previews(JobObject *object)
{
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        Error error;

        if (object->preview_fd >= 0)
                (void)close(object->preview_fd);
        object->preview_fd = -1;

        no_preview(object->job, &error);
        (void)error_to_bus(&bus_error, &error);
        for (size_t i = 0; i < object->n_preview_calls; i++) {
                (void)sd_bus_reply_method_error(object->preview_calls[i], &bus_error);
                sd_bus_message_unref(object->preview_calls[i]);
        }
        object->n_preview_calls = 0;
        sd_bus_error_free(&bus_error);
}

void job_object_drop_preview_calls(JobObject *object, const char *caller)
{
        for (size_t i = object->n_preview_calls; i-- > 0;) {
                const char *sender = sd_bus_message_get_sender(object->preview_calls[i]);
                if (!sender || !streq(sender, caller))
                        continue;
                sd_bus_message_unref(object->preview_calls[i]);
                object->preview_calls[i] = object->preview_calls[--object->n_preview_calls];
        }
}

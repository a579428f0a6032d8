/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a job at the machine's instance, in the words of the workers' protocol; pictures come as the sealed memfds
 * that its worker made. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>

#include "base/clock.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/forward/errand-private.h"

/* Whether it is still there and at the front, after a handler was called. */
static bool is_at_front(const Forward *forward, const Errand *errand, uint64_t serial)
{
        for (const Errand *e = forward->errands; e; e = e->next)
                if (e == errand)
                        return e->serial == serial && forward->front == serial;
        return false;
}

static void say(const Errand *errand, Message *message, MessageType type, int fd)
{
        const Forward *forward = errand->forward;

        message->version = PROTOCOL_VERSION;
        message->type = type;
        message->job = errand->serial;
        forward->handlers.message(message, fd, forward->userdata);
}

/* From the clock of callers to ours. */
static uint64_t to_monotonic(uint64_t usec)
{
        uint64_t real = clock_usec(CLOCK_REALTIME), now = clock_usec(CLOCK_MONOTONIC);

        if (usec == 0)
                return 0;
        return usec > real ? now + (usec - real) : now;
}

static void say_started(Errand *errand)
{
        const Snapshot *now = &errand->now;
        int sampler = sampler_from_string(now->sampler ? now->sampler : "", NULL);
        int schedule = sigma_schedule_from_string(now->schedule ? now->schedule : "");
        Message message = {
                .started = {
                        .width = now->width,
                        .height = now->height,
                        .steps = now->schedule_steps,
                        .made_steps = now->steps,
                        .sampler = sampler > 0 ? (uint32_t)sampler : SAMPLER_DEFAULT,
                        .schedule = schedule > 0 ? (uint32_t)schedule : SIGMA_SCHEDULE_DEFAULT,
                        .guidance = now->guidance,
                        .drawn_width = now->width,
                        .drawn_height = now->height,
                        .enlarge = ENLARGE_NONE,
                        .prompt_tokens = now->prompt_tokens,
                        .prompt_chunks = now->prompt_chunks,
                        .truncated_tokens = now->truncated,
                },
        };

        errand->has_started = true;
        say(errand, &message, MESSAGE_STARTED, -1);
}

static void say_progress(const Errand *errand)
{
        const Snapshot *now = &errand->now;
        uint32_t count = errand->request->count, all = errand->first + count;
        double fraction = isfinite(now->progress) ? MAX(0.0, MIN(1.0, now->progress)) : 0;
        int stage = stage_from_string(now->stage ? now->stage : "");
        Message message = {
                .progress = {
                        .picture = errand->first + errand->fetched,
                        .stage = (uint32_t)stage,
                        .step = now->step,
                        .steps = now->steps,
                        .fraction = (errand->first + fraction * count) / all,
                },
        };

        if (stage >= 0)
                say(errand, &message, MESSAGE_PROGRESS, -1);
}

/* The last word; the errand is over. */
void errand_end(Errand *errand, JobState state)
{
        Forward *forward = errand->forward;
        Message message = { .failed = { .code = -ECANCELED } };
        uint64_t serial = errand->serial;

        if (state == JOB_FAILED) {
                message.failed.code = errand->error.code;
                memcpy(message.failed.text, errand->error.text, sizeof(message.failed.text));
        }
        Errand last = { .forward = forward, .serial = serial };
        forward_forget(forward, serial);
        say(&last, &message, state == JOB_DONE ? MESSAGE_DONE : MESSAGE_FAILED, -1);
}

/* --- what comes with a descriptor --- */

static int read_digest(sd_bus_message *reply, char ret[static PROTOCOL_DIGEST_SIZE])
{
        const char *text;

        int r = sd_bus_message_read(reply, "v", "s", &text);
        if (r >= 0 && strlen(text) == PROTOCOL_DIGEST_SIZE - 1 && text[strspn(text, "0123456789abcdef")] == '\0')
                memcpy(ret, text, PROTOCOL_DIGEST_SIZE);
        return r;
}

static int read_precision(sd_bus_message *reply, uint32_t *ret)
{
        const char *text;

        int r = sd_bus_message_read(reply, "v", "s", &text);
        if (r >= 0)
                *ret = (uint32_t)MAX(precision_from_string(text), (int)PRECISION_AUTO);
        return r;
}

/* The descriptor and the details of an answer. -1 in *ret_fd: it is an error. */
static int read_answer(sd_bus_message *reply, PictureInfo *info, uint32_t *step, int *ret_fd)
{
        const char *key;
        int fd;

        int r = sd_bus_message_read(reply, "h", &fd);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = sd_bus_message_read(reply, "s", &key);
                if (r >= 0 && streq(key, "seed"))
                        r = sd_bus_message_read(reply, "v", "t", &info->seed);
                else if (r >= 0 && streq(key, "width"))
                        r = sd_bus_message_read(reply, "v", "u", &info->width);
                else if (r >= 0 && streq(key, "height"))
                        r = sd_bus_message_read(reply, "v", "u", &info->height);
                else if (r >= 0 && streq(key, "pixels"))
                        r = read_digest(reply, info->pixels);
                else if (r >= 0 && streq(key, "tokenizer"))
                        r = read_digest(reply, info->tokenizer);
                else if (r >= 0 && streq(key, "precision"))
                        r = read_precision(reply, &info->precision);
                else if (r >= 0 && streq(key, "step"))
                        r = sd_bus_message_read(reply, "v", "u", step);
                else if (r >= 0)
                        r = sd_bus_message_skip(reply, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r < 0)
                return r;
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret_fd < 0 ? -errno : 0;
}

static int on_picture(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Errand *errand = userdata;
        Message message = { .picture = { .picture = errand->first + errand->fetched } };
        uint32_t step;
        int fd = -1;
        (void)error;

        errand->picture = sd_bus_slot_unref(errand->picture);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                errand_lose_by(errand, sd_bus_message_get_error(reply));
                return 1;
        }
        int r = read_answer(reply, &message.picture, &step, &fd);
        if (r < 0) {
                errand_lose_by(errand, &SD_BUS_ERROR_MAKE_CONST(SD_BUS_ERROR_INCONSISTENT_MESSAGE, strerror(-r)));
                return 1;
        }
        Forward *forward = errand->forward;
        uint64_t serial = errand->serial;
        if (!is_at_front(forward, errand, serial)) { /* later, then */
                (void)close(fd);
                return 1;
        }
        errand->fetched++;
        say(errand, &message, MESSAGE_PICTURE, fd);
        if (is_at_front(forward, errand, serial))
                errand_report(errand);
        return 1;
}

static int on_preview(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Errand *errand = userdata;
        PictureInfo info = {};
        uint32_t step = 0;
        int fd = -1;
        (void)error;

        errand->preview = sd_bus_slot_unref(errand->preview);
        /* Without one the job has ended, which is told otherwise. */
        if (sd_bus_message_is_method_error(reply, NULL) || read_answer(reply, &info, &step, &fd) < 0)
                return 1;
        if (!is_at_front(errand->forward, errand, errand->serial) || info.width > PROTOCOL_PREVIEW_SIDE_MAX ||
            info.height > PROTOCOL_PREVIEW_SIDE_MAX) {
                (void)close(fd);
                return 1;
        }
        Message message = {
                .preview = { errand->first + errand->fetched, step, info.width, info.height },
        };
        say(errand, &message, MESSAGE_PREVIEW_IS, fd);
        return 1;
}

static int fetch(
                Errand *errand, sd_bus_slot **slot, const char *member, const uint32_t *index,
                sd_bus_message_handler_t handler, uint64_t timeout)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = forward_new_call(errand->forward, errand->path, IMAGINE_JOB_INTERFACE, member, &call);
        if (r >= 0 && index)
                r = sd_bus_message_append(call, "u", *index);
        return r < 0 ? r : sd_bus_call_async(errand->forward->bus, slot, call, handler, errand, timeout);
}

static void fetch_preview(Errand *errand)
{
        errand->wants_preview = false;
        if (!errand->preview && fetch(errand, &errand->preview, "GetPreview", NULL, on_preview, UINT64_MAX) < 0)
                errand->wants_preview = true;
}

void errand_report(Errand *errand)
{
        Forward *forward = errand->forward;
        const uint64_t serial = errand->serial;
        int state = errand->now.state ? job_state_from_string(errand->now.state) : -1;

        if (!errand->path || state < 0 || !is_at_front(forward, errand, serial))
                return;
        if (!job_state_is_final((JobState)state)) {
                forward->handlers.state(
                                (JobState)state, errand->now.step, to_monotonic(errand->now.expected_end),
                                forward->userdata);
                if (!is_at_front(forward, errand, serial))
                        return;
        }
        if (errand->now.prompt_chunks > 0 && !errand->has_started)
                say_started(errand);
        if (!is_at_front(forward, errand, serial))
                return;
        if (errand->fetched < MIN(errand->now.pictures, errand->request->count)) {
                if (!errand->picture)
                        (void)fetch(errand, &errand->picture, "GetResult", &errand->fetched, on_picture, 0);
                return;
        }
        if (job_state_is_final((JobState)state)) {
                /* Why it failed comes with Finished, after the last Updated. */
                if (state != JOB_FAILED || errand->error.code != 0)
                        errand_end(errand, (JobState)state);
                return;
        }
        if (errand->wants_preview)
                fetch_preview(errand);
        if (state == JOB_RUNNING)
                say_progress(errand);
}

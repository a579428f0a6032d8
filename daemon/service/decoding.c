/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "service/decoding.h"
#include "workers/sandbox.h"
#include "workers/worker.h"

/* Of the clock on the wall, for both pictures: others may need the processors too. */
#define SECONDS_MAX (UINT64_C(6) * SANDBOX_DECODE_SECONDS)

struct Decoding {
        Worker *worker; /* NULL: has ended */
        uint64_t serial; /* of the job */
        uint32_t expected, got; /* bits 1 << INPUT_… */
        Pixels pixels[INPUT_MAX];
        bool is_over;
        Error error; /* then; code 0: none */
        sd_event_source *defer; /* tells it, when the worker is not in the middle of a message any more */
        decoded_t done;
        void *userdata;
};

Decoding *decoding_free(Decoding *decoding)
{
        if (!decoding)
                return NULL;
        sd_event_source_disable_unref(decoding->defer);
        worker_free(decoding->worker);
        for (size_t i = 0; i < INPUT_MAX; i++)
                closep(&decoding->pixels[i].fd);
        free(decoding);
        return NULL;
}

bool decoding_is_done(const Decoding *decoding)
{
        return decoding->got == decoding->expected;
}

const Pixels *decoding_pixels(const Decoding *decoding, Input input)
{
        return &decoding->pixels[input];
}

/* The first one that is not there yet: the worker goes through them in their order. */
static const char *current_field(const Decoding *decoding)
{
        for (size_t i = 0; i < INPUT_MAX; i++)
                if (decoding->expected & ~decoding->got & 1U << i)
                        return input_to_string((Input)i);
        return "";
}

static int on_over(sd_event_source *source, void *userdata)
{
        Decoding *decoding = userdata;
        (void)source;

        decoding->done(decoding->error.code < 0 ? &decoding->error : NULL, decoding->userdata);
        return 0;
}

static void end(Decoding *decoding, const Error *error)
{
        if (error)
                decoding->error = *error;
        decoding->is_over = true;
        worker_stop(decoding->worker);
        (void)sd_event_source_set_enabled(decoding->defer, SD_EVENT_ONESHOT);
}

static bool take_pixels(Decoding *decoding, const Message *message, int fd)
{
        uint32_t bit = 1U << message->pixels.input;

        if (!(decoding->expected & bit) || decoding->got & bit)
                return false;
        decoding->pixels[message->pixels.input] = (Pixels) { .fd = fd, .info = message->pixels };
        decoding->got |= bit;
        return true;
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Decoding *decoding = userdata;
        _cleanup_(closep) int owned = fd;
        Error error = {};

        if (decoding->is_over)
                return;
        if (message->job != decoding->serial) {
                worker_kill(worker, WORKER_DISTRUSTED);
        } else if (message->type == MESSAGE_FAILED) {
                /* What is wrong with the picture is the caller's to mend. */
                int code = message->failed.code == -ENOMEM ? -ENOMEM : -EINVAL;
                (void)error_set(&error, code, "%s", message->failed.text);
                end(decoding, &error);
        } else if (message->type == MESSAGE_PIXELS && take_pixels(decoding, message, fd)) {
                (void)TAKE_FD(owned);
                if (decoding_is_done(decoding))
                        end(decoding, NULL);
        } else {
                worker_kill(worker, WORKER_DISTRUSTED);
        }
}

static void on_ended(Worker *worker, WorkerEnd why, const Error *cause, void *userdata)
{
        Decoding *decoding = userdata;
        const char *field = current_field(decoding);

        decoding->worker = worker_free(worker);
        if (decoding->is_over)
                return;
        decoding->is_over = true;
        decoding->error = *cause;
        if (why == WORKER_HUNG || why == WORKER_OUT_OF_TIME)
                (void)error_set(&decoding->error, -EINVAL, "%s: decoding it takes too long", field);
        else
                (void)error_prefix(&decoding->error, "%s", field);
        (void)on_over(NULL, decoding);
}

int decoding_new(
                Decoding **ret, sd_event *event, const Config *config, const Job *job, decoded_t done, void *userdata,
                Error *error)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        const WorkerSpec spec = {
                .program = config->worker,
                .task = WORKER_DECODES,
                .threads = 1,
                .load_seconds = MIN(config->load_seconds, SECONDS_MAX), /* it never says that it is ready */
                .ping_seconds = config->worker_ping_seconds,
        };
        _cleanup_(decoding_freep) Decoding *decoding = calloc(1, sizeof(Decoding));
        if (!decoding)
                return error_set(error, -ENOMEM, "Out of memory");

        decoding->serial = job->serial;
        decoding->done = done;
        decoding->userdata = userdata;
        for (size_t i = 0; i < INPUT_MAX; i++) {
                decoding->pixels[i].fd = -1;
                decoding->expected |= job->inputs[i].fd >= 0 ? 1U << i : 0;
        }
        int r = sd_event_add_defer(event, &decoding->defer, on_over, decoding);
        if (r >= 0)
                r = sd_event_source_set_enabled(decoding->defer, SD_EVENT_OFF);
        if (r < 0)
                return error_set(error, r, "Pictures cannot be decoded: %s", strerror(-r));
        r = worker_new(&decoding->worker, event, &spec, &handlers, decoding, error);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < INPUT_MAX; i++) {
                const Message message = {
                        .version = PROTOCOL_VERSION,
                        .type = MESSAGE_DECODE,
                        .job = job->serial,
                        .pixels = { .input = i },
                };
                if (decoding->expected & 1U << i)
                        worker_send(decoding->worker, &message, job->inputs[i].fd);
        }
        *ret = TAKE_PTR(decoding);
        return 0;
}

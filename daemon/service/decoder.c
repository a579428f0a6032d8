/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "service/decoder.h"
#include "workers/sandbox.h"
#include "workers/worker.h"

/* Of the clock on the wall, for all pictures: others may need the processors too. */
#define SECONDS_MAX (UINT64_C(6) * SANDBOX_DECODE_SECONDS)

struct Decoder {
        Worker *worker; /* NULL: has ended */
        uint64_t serial; /* of the job */
        bool is_over;
        Error error; /* then; code 0: none */
        sd_event_source *defer; /* tells it, when the worker is not in the middle of a message any more */
        const DecoderHandlers *handlers;
        void *userdata;
};

Decoder *decoder_free(Decoder *decoder)
{
        if (!decoder)
                return NULL;
        sd_event_source_disable_unref(decoder->defer);
        worker_free(decoder->worker);
        free(decoder);
        return NULL;
}

static int on_over(sd_event_source *source, void *userdata)
{
        Decoder *decoder = userdata;
        (void)source;

        decoder->handlers->done(decoder->error.code < 0 ? &decoder->error : NULL, decoder->userdata);
        return 0;
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Decoder *decoder = userdata;
        _cleanup_(closep) int owned = fd;
        int r = -EBADMSG;

        if (decoder->is_over)
                return;
        if (message->job == decoder->serial)
                r = decoder->handlers->message(message, &owned, decoder->userdata, &decoder->error);
        if (r == 0)
                return;
        if (r == -EBADMSG) {
                worker_kill(worker, WORKER_DISTRUSTED);
                return;
        }
        decoder->is_over = true;
        worker_stop(worker);
        (void)sd_event_source_set_enabled(decoder->defer, SD_EVENT_ONESHOT);
}

static void on_ended(Worker *worker, WorkerEnd why, const Error *cause, void *userdata)
{
        Decoder *decoder = userdata;
        const char *name = decoder->handlers->name(decoder->userdata);

        decoder->worker = worker_free(worker);
        if (decoder->is_over)
                return;
        decoder->is_over = true;
        decoder->error = *cause;
        if (why == WORKER_HUNG || why == WORKER_OUT_OF_TIME)
                (void)error_set(&decoder->error, decoder->handlers->fault, "%s: decoding it takes too long", name);
        else
                (void)error_prefix(&decoder->error, "%s", name);
        (void)on_over(NULL, decoder);
}

void decoder_send(const Decoder *decoder, Message *message, int fd)
{
        message->version = PROTOCOL_VERSION;
        message->job = decoder->serial;
        worker_send(decoder->worker, message, fd);
}

int decoder_new(
                Decoder **ret, sd_event *event, const Config *config, uint64_t serial, const DecoderHandlers *handlers, void *userdata,
                Error *error)
{
        static const WorkerHandlers worker_handlers = { .message = on_message, .ended = on_ended };
        const WorkerSpec spec = {
                .program = config->worker,
                .task = WORKER_DECODES,
                .threads = 1,
                .load_seconds = MIN(config->load_seconds, SECONDS_MAX), /* it never says that it is ready */
                .ping_seconds = config->worker_ping_seconds,
        };
        _cleanup_(decoder_freep) Decoder *decoder = calloc(1, sizeof(Decoder));
        if (!decoder)
                return error_set(error, -ENOMEM, "Out of memory");

        *decoder = (Decoder) { .serial = serial, .handlers = handlers, .userdata = userdata };
        int r = sd_event_add_defer(event, &decoder->defer, on_over, decoder);
        if (r >= 0)
                r = sd_event_source_set_enabled(decoder->defer, SD_EVENT_OFF);
        if (r < 0)
                return error_set(error, r, "Pictures cannot be decoded: %s", strerror(-r));
        r = worker_new(&decoder->worker, event, &spec, &worker_handlers, decoder, error);
        if (r >= 0)
                *ret = TAKE_PTR(decoder);
        return MIN(r, 0);
}

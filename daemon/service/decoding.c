/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/decoder.h"
#include "service/decoding.h"

struct Decoding {
        Decoder *decoder;
        uint32_t expected, got; /* bits 1 << INPUT_… */
        Pixels pixels[INPUT_MAX];
        decoded_t done;
        void *userdata;
};

Decoding *decoding_free(Decoding *decoding)
{
        if (!decoding)
                return NULL;
        decoder_free(decoding->decoder);
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
static const char *current_field(void *userdata)
{
        const Decoding *decoding = userdata;

        for (size_t i = 0; i < INPUT_MAX; i++)
                if (decoding->expected & ~decoding->got & 1U << i)
                        return input_to_string((Input)i);
        return "";
}

static int take_pixels(Decoding *decoding, const Message *message, int *fd)
{
        const uint32_t bit = 1U << message->pixels.input;

        if (!(decoding->expected & bit) || decoding->got & bit)
                return -EBADMSG;
        decoding->pixels[message->pixels.input] = (Pixels) { .fd = TAKE_FD(*fd), .info = message->pixels };
        decoding->got |= bit;
        return decoding_is_done(decoding);
}

static int on_message(const Message *message, int *fd, void *userdata, Error *error)
{
        if (message->type == MESSAGE_FAILED) /* what is wrong with the picture is the caller's to mend */
                return error_set(error, message->failed.code == -ENOMEM ? -ENOMEM : -EINVAL, "%s", message->failed.text);
        return message->type == MESSAGE_PIXELS ? take_pixels(userdata, message, fd) : -EBADMSG;
}

static void on_done(const Error *error, void *userdata)
{
        const Decoding *decoding = userdata;

        decoding->done(error, decoding->userdata);
}

int decoding_new(
                Decoding **ret, sd_event *event, const Config *config, const Job *job, decoded_t done, void *userdata,
                Error *error)
{
        static const DecoderHandlers handlers = { .message = on_message, .name = current_field, .done = on_done, .fault = -EINVAL };
        _cleanup_(decoding_freep) Decoding *decoding = calloc(1, sizeof(Decoding));
        if (!decoding)
                return error_set(error, -ENOMEM, "Out of memory");

        decoding->done = done;
        decoding->userdata = userdata;
        for (size_t i = 0; i < INPUT_MAX; i++) {
                decoding->pixels[i].fd = -1;
                decoding->expected |= job->inputs[i].fd >= 0 ? 1U << i : 0;
        }
        int r = decoder_new(&decoding->decoder, event, config, job->serial, &handlers, decoding, error);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < INPUT_MAX; i++) {
                Message message = { .type = MESSAGE_DECODE, .pixels = { .input = i } };
                if (decoding->expected & 1U << i)
                        decoder_send(decoding->decoder, &message, job->inputs[i].fd);
        }
        *ret = TAKE_PTR(decoding);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A worker without a model (engine/decode.h) for one job: it is told what to make of pictures, and ends when it has answered.
 * What is broken, or made to do harm, costs that, and nothing else.
 *
 *     decoder_new(&decoder, event, config, job->serial, &handlers, userdata, &error);
 *     decoder_send(decoder, &message, fd);
 *     …  handlers.message() for each answer, then handlers.done(); decoder_free(decoder) */

#include <systemd/sd-event.h>

#include "config.h"
#include "workers/protocol.h"

typedef struct Decoder Decoder;

typedef struct DecoderHandlers {
        /* An answer to this job; *fd may be taken. 0: there is more to come; 1: this was all; -EBADMSG: it is not what was asked
         * for; else an error with a sentence that ends it. */
        int (*message)(const Message *message, int *fd, void *userdata, Error *error);
        const char *(*name)(void *userdata); /* of what it is at work on, for sentences */
        /* Once, last of all, and outside of message(); NULL: all is there. The handler may free the decoder, and error with it. */
        void (*done)(const Error *error, void *userdata);
        int fault; /* the error of a picture that takes too long */
} DecoderHandlers;

/* handlers stay the caller's. */
int decoder_new(
                Decoder **ret, sd_event *event, const Config *config, uint64_t serial, const DecoderHandlers *handlers, void *userdata,
                Error *error);

/* message: its version and job are filled in; with a duplicate of fd unless it is -1. */
void decoder_send(const Decoder *decoder, Message *message, int fd);

/* Ends the worker, if it is still at work. */
Decoder *decoder_free(Decoder *decoder);
DEFINE_CLEANUP(Decoder *, decoder_free)

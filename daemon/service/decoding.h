/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pictures that a job starts from, made into pixels by a worker of their own, which has no model and ends with them:
 * what is broken, or made to do harm, costs that job and nothing else.
 *
 *     decoding_new(&decoding, event, config, job, done, userdata, &error);
 *     …  done(NULL or error, userdata); decoding_pixels(decoding, INPUT_IMAGE) */

#include <systemd/sd-event.h>

#include "config.h"
#include "queue/job.h"
#include "workers/protocol.h"

typedef struct Decoding Decoding;

typedef struct Pixels {
        int fd; /* a sealed memfd; -1: none */
        PixelsInfo info;
} Pixels;

/* All pictures are there, or error says why not. Called once; may free the decoding, and the error
 * with it. */
typedef void (*decoded_t)(const Error *error, void *userdata);

int decoding_new(
                Decoding **ret, sd_event *event, const Config *config, const Job *job, decoded_t done, void *userdata,
                Error *error);

/* Ends the worker, if it is still at work. */
Decoding *decoding_free(Decoding *decoding);
DEFINE_CLEANUP(Decoding *, decoding_free)

/* Whether all are there. */
bool decoding_is_done(const Decoding *decoding);
const Pixels *decoding_pixels(const Decoding *decoding, Input input);

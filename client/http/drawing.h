/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that an exchange is waiting for: a job, its app, and what has come of it so far. */

#include "client/http/web.h"

typedef struct Drawing Drawing;

typedef struct Drawn {
        char *base64;
        char *text; /* how it was made, as it stands in the picture; NULL without */
        uint64_t seed;
        uint32_t width, height;
} Drawn;

struct Drawing {
        Exchange *exchange;
        Drawing *next; /* in bridge->drawings, the newest first */
        Order *order;
        json_t *asked; /* the body */
        JobInfo job; /* as it was last heard of */
        Drawn pictures[REQUEST_COUNT_MAX];
        size_t n_pictures;
        char *preview; /* a PNG in base64, or NULL */
        uint64_t begun; /* microseconds since 1970 */
        unsigned partials; /* OpenAI: how many previews are wanted, and were sent */
        unsigned sent;
        bool is_streaming, was_interrupted;
        /* What comes of it: */
        void (*on_change)(Drawing *drawing); /* something of the job is new; may be NULL */
        void (*on_picture)(Drawing *drawing, const Drawn *drawn); /* may be NULL */
        void (*on_done)(Drawing *drawing);
};

/* Begins to draw; the body is the drawing's then. Answers if that does not go. The exchange's route has to have
 * drawing_stop(). */
void drawing_begin(Exchange *exchange, json_t *asked, const Options *options, const Inputs *inputs, const Drawing *template);

/* The newest one of that app, or NULL. */
Drawing *drawing_of(const Bridge *bridge, const char *app);

#define PROVIDER_PREFIX "provider/"

/* The name in "provider/NAME", which apps send as a model's: one of the user's other generators draws. NULL: it is a model. */
const char *provider_of(const char *model);

/* Has that one draw. 1; 0: it is a model; -EINVAL with a sentence: there is no name. model may be NULL. */
int provider_take(Options *options, const char *model, Error *error);

/* Base64 of a picture, or a data: URL with it, into a sealed memfd. 0 or a negative errno with a sentence. */
int input_from_base64(const char *text, const char *name, int *ret_fd, Error *error);

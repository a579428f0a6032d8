/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a picture was made, as a reader of some format has found it; and the text in which AUTOMATIC1111 would say it. */

#include <jansson.h>

#include "client/metadata/formats.h"

#define MADE_LORAS_MAX 16

typedef struct Made {
        /* All of it may be missing: NULL. Numbers are of JSON, so that they stay as they were written. */
        const char *prompt, *negative, *sampler, *schedule, *model, *program;
        const json_t *steps, *guidance, *seed, *width, *height, *strength, *clip_skip;
        struct {
                const char *name;
                const json_t *weight;
        } loras[MADE_LORAS_MAX];
        size_t n_loras;
} Made;

/* 1 with the malloc'ed text; 0 if there is neither a prompt nor a number of steps; -ENOMEM. */
int made_to_text(const Made *made, char **ret);

/* What a program has written as JSON, also where Python's has no numbers (NaN) or numbers beyond 64 bits: these are null, and
 * those text. NULL if it is none, or without memory. */
json_t *made_parse(const char *text);

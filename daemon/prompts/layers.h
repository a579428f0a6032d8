/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has the last word on a field: what was given, the profile, the template, the idea, the purpose; what nobody says is
 * drawn. Constraints and negative prompts add up. */

#include <jansson.h>

#include "prompts/files.h"

typedef struct Layers {
        Preset presets[PRESET_MAX]; /* without a name: none was asked for */
        Fields given;
        const json_t *placeholders; /* of the template, as given; the request's */
        unsigned left_out; /* bits of fields of which nothing is to be said */
} Layers;

/* Those that a request names. -EINVAL with a sentence: there is none of that name, it has a fault, or a field is missing. */
int layers_read(Layers *ret, const PromptFiles *files, const json_t *request, Error *error);
void layers_done(Layers *layers);

/* Over what the idea says. notes gets what the idea asked for and does not get. */
int layers_apply(const Layers *layers, const char *idea, Fields *fields, json_t *notes, Error *error);

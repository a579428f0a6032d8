/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What clients of AUTOMATIC1111's interface ask for, in the words of the command line: numbers may be texts, as that
 * interface takes them too. What is not done here is refused or passed over, as imagined-http(8) lists it. */

#include <jansson.h>

#include "client/generate.h"
#include "client/options.h"

#define WEBUI_MODEL_MAX 127 /* bytes of a model's name */

typedef struct WebuiRequest { /* webui_request_done(); what options point to lies in the body */
        Options options;
        Inputs inputs;
        char model[WEBUI_MODEL_MAX + 1];
} WebuiRequest;

static inline void webui_request_done(WebuiRequest *request)
{
        inputs_done(&request->inputs);
}

/* A value that is there and not null, or NULL. */
json_t *webui_given(json_t *asked, const char *name);

/* "NAME [HASH]", as sd-models has it for a title, is NAME; false: it is too long. */
bool webui_model_name(const char *title, char ret[WEBUI_MODEL_MAX + 1]);

/* chosen: the model where the body names none; may be NULL. -EINVAL with a sentence, -ENOENT where a picture to start from
 * is missing; *ret has to be released all the same. */
int webui_request_from_text(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error);
int webui_request_from_picture(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error);

/* The picture itself, larger. 0: it is to stay as it is (the upscaler "None"), and nothing is set; 1. */
int webui_request_upscale(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error);

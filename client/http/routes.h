/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can be asked: a line in the table for each (routes.c). */

#include "client/http/web.h"

typedef enum Manner {
        MANNER_OPENAI,
        MANNER_WEBUI, /* AUTOMATIC1111's */
} Manner;

struct Route {
        const char *method, *path;
        Manner manner;
        size_t body_max; /* bytes; 0: none is read */
        void (*ask)(Exchange *exchange);
        void (*stop)(Exchange *exchange); /* releases exchange->state, when it is over or the other side has gone */
        const char *text; /* what is answered instead of asking: JSON that never changes */
};

/* In which words errors are told of a path, also where there is nothing. */
Manner manner_of(const char *path);

/* NULL, with the status 404 or 405, for what there is not. */
const Route *route_find(const char *method, const char *path, unsigned *ret_status);

/* The status that a failure has, with OpenAI's word for it. */
unsigned status_of(const Failure *failure, Manner manner, const char **ret_code);

/* An error as each interface has it. */
json_t *error_body(Manner manner, unsigned status, const char *code, const char *message);

void openai_generate(Exchange *exchange);
void openai_models(Exchange *exchange);
void webui_txt2img(Exchange *exchange);
void webui_img2img(Exchange *exchange);
void webui_progress(Exchange *exchange);
void webui_interrupt(Exchange *exchange);
void webui_models(Exchange *exchange);
void webui_options(Exchange *exchange);
void webui_set_options(Exchange *exchange);
void webui_samplers(Exchange *exchange);
void webui_schedulers(Exchange *exchange);
void webui_png_info(Exchange *exchange);
void webui_interrogate(Exchange *exchange);
void webui_extra_single_image(Exchange *exchange);
void drawing_stop(Exchange *exchange);
void listing_stop(Exchange *exchange);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/routes.h"
#include "client/http/webui-request.h"
#include "client/http/webui.h"
#include "client/settings.h"

/* What a picture that comes says of how it was made: 1, 0 if it says nothing, -EINVAL if there is none. */
static int read_settings(json_t *asked, Settings *ret)
{
        const char *image = json_string_value(webui_given(asked, "image"));
        const char *comma = image && strncmp(image, "data:", 5) == 0 ? strchr(image, ',') : NULL;
        _cleanup_(freep) char *copy = image ? strdup(comma ? comma + 1 : image) : NULL;
        const ssize_t size = copy ? base64_decode(copy, strlen(copy)) : -1;

        return size > 0 ? settings_find(copy, (size_t)size, ret) : -EINVAL;
}

void webui_png_info(Exchange *x)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        json_t *asked = exchange_body(x);

        if (!asked)
                return;
        int r = read_settings(asked, &settings);
        json_decref(asked);
        if (r < 0)
                exchange_refuse(x, 422, NULL, "image is no picture in base64");
        else if (r > 0)
                exchange_answer(x, 200, json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "info", settings.text, "items", "parameters",
                                                  settings.text, "parameters", "Prompt", settings.prompt, "Negative prompt",
                                                  settings.negative));
        else
                exchange_answer(x, 200, json_pack("{s:s, s:{}, s:{}}", "info", "", "items", "parameters"));
}

/* The prompt of pictures that tell it: no model here looks at others. */
void webui_interrogate(Exchange *x)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        json_t *asked = exchange_body(x);

        if (!asked)
                return;
        int r = read_settings(asked, &settings);
        json_decref(asked);
        if (r > 0)
                exchange_answer(x, 200, json_pack("{s:s}", "caption", settings.prompt));
        else
                exchange_refuse(x, r < 0 ? 422 : 404, NULL, r < 0 ? "image is no picture in base64"
                                : "the picture does not say how it was made, and no model here looks at pictures");
}

/* --- a picture that becomes larger --- */

static void answer_larger(Exchange *x, const char *base64)
{
        exchange_answer(x, 200, json_pack("{s:s, s:s}", "html_info", "", "image", base64));
}

static void on_larger(Drawing *d)
{
        answer_larger(d->exchange, d->n_pictures > 0 ? d->pictures[0].base64 : "");
}

void webui_extra_single_image(Exchange *x)
{
        _cleanup_(webui_request_done) WebuiRequest request = { .inputs = { -1, -1 } };
        const Drawing drawing = { .on_done = on_larger };
        json_t *asked = exchange_body(x);
        Error error = { 0 };

        if (!asked)
                return;
        int r = webui_request_upscale(&request, asked, choice_of(x->bridge, x->app), &error);
        if (r > 0) {
                (void)json_object_del(asked, "image"); /* it is large, and in a memfd now */
                drawing_begin(x, asked, &request.options, &request.inputs, &drawing);
                return;
        }
        if (r < 0) {
                exchange_refuse(x, r == -ENOENT ? 404 : 422, NULL, "%s", error.text);
        } else {
                const char *image = json_string_value(webui_given(asked, "image"));
                const char *comma = strncmp(image, "data:", 5) == 0 ? strchr(image, ',') : NULL;
                answer_larger(x, comma ? comma + 1 : image);
        }
        json_decref(asked);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/routes.h"
#include "client/http/webui-request.h"
#include "client/http/webui.h"

/* What web UIs tell of the pictures, as a text with JSON in it. */
static char *make_info(const Drawing *d)
{
        json_t *seeds = json_array(), *texts = json_array(), *prompts = json_array();
        const char *prompt = json_string_value(webui_given(d->asked, "prompt")), *negative = json_string_value(webui_given(d->asked, "negative_prompt"));
        char digits[32];

        for (size_t i = 0; i < d->n_pictures; i++) {
                (void)json_array_append_new(seeds, json_integer((json_int_t)d->pictures[i].seed));
                (void)json_array_append_new(texts, json_string(d->pictures[i].text ? d->pictures[i].text : ""));
                (void)json_array_append_new(prompts, json_string(prompt ? prompt : ""));
        }
        (void)snprintf(digits, sizeof(digits), "%" PRIu64, d->begun / USEC_PER_SEC);
        json_t *info = json_pack("{s:s, s:o, s:s, s:I, s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:s, s:s}", "prompt",
                                 prompt ? prompt : "", "all_prompts", prompts, "negative_prompt", negative ? negative : "", "seed",
                                 (json_int_t)d->job.seed, "all_seeds", seeds, "infotexts", texts, "sampler_name", d->job.sampler,
                                 "sd_model_name", d->job.model, "width", (int)d->job.width, "height", (int)d->job.height, "steps",
                                 (int)d->job.steps, "batch_size", (int)d->job.count, "cfg_scale", d->job.guidance, "job_timestamp",
                                 digits, "version", "imagined " VERSION);
        (void)json_object_set_new(info, "sd_model_hash", json_string(""));
        char *text = info ? json_dumps(info, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
        json_decref(info);
        return text;
}

static void on_done(Drawing *d)
{
        const bool is_sent = !json_is_false(webui_given(d->asked, "send_images"));
        _cleanup_(freep) char *info = make_info(d);
        json_t *images = json_array();

        for (size_t i = 0; is_sent && i < d->n_pictures; i++)
                (void)json_array_append_new(images, json_string(d->pictures[i].base64));
        exchange_answer(d->exchange, 200, json_pack("{s:o, s:O, s:s}", "images", images, "parameters", d->asked, "info",
                                                    info ? info : "{}"));
}

typedef int (*read_t)(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error);

static void draw(Exchange *x, read_t read)
{
        _cleanup_(webui_request_done) WebuiRequest request = { .inputs = { -1, -1 } };
        const Drawing drawing = { .on_done = on_done };
        json_t *asked = exchange_body(x);
        Error error = { 0 };

        if (!asked)
                return;
        int r = read(&request, asked, choice_of(x->bridge, x->app), &error);
        if (r < 0) {
                json_decref(asked);
                exchange_refuse(x, r == -ENOENT ? 404 : 422, NULL, "%s", error.text);
                return;
        }
        (void)json_object_del(asked, "init_images"); /* they are large, and in memfds now */
        (void)json_object_del(asked, "mask");
        drawing_begin(x, asked, &request.options, &request.inputs, &drawing);
}

void webui_txt2img(Exchange *x)
{
        draw(x, webui_request_from_text);
}

void webui_img2img(Exchange *x)
{
        draw(x, webui_request_from_picture);
}

static double seconds_left(const Drawing *d)
{
        const uint64_t now = clock_usec(CLOCK_REALTIME);

        return d->job.expected_end > now ? (double)(d->job.expected_end - now) / USEC_PER_SEC : 0;
}

void webui_progress(Exchange *x)
{
        const char *skip = exchange_query(x, "skip_current_image");
        const Drawing *d = drawing_of(x->bridge, x->app);
        const bool is_shown = !skip || strcasecmp(skip, "true") != 0;
        char digits[32];

        (void)snprintf(digits, sizeof(digits), "%" PRIu64, d ? d->begun / USEC_PER_SEC : 0);
        json_t *state = json_pack("{s:b, s:b, s:s, s:i, s:s, s:i, s:i, s:i}", "skipped", 0, "interrupted", d && d->was_interrupted, "job",
                                  d ? "imagined" : "", "job_count", d ? (int)d->job.count : 0, "job_timestamp", digits, "job_no",
                                  d ? (int)d->job.pictures : 0, "sampling_step", d ? (int)d->job.step : 0, "sampling_steps",
                                  d ? (int)d->job.steps : 0);
        exchange_answer(x, 200, json_pack("{s:f, s:f, s:o, s:s?, s:n}", "progress", d ? d->job.progress : 0.0, "eta_relative",
                                          d ? seconds_left(d) : 0.0, "state", state, "current_image",
                                          d && is_shown ? d->preview : NULL, "textinfo"));
}

/* All that this app has at work, and nobody else's. */
void webui_interrupt(Exchange *x)
{
        for (Drawing *d = x->bridge->drawings; d; d = d->next)
                if (streq(d->exchange->app, x->app)) {
                        d->was_interrupted = true;
                        order_cancel(d->order);
                }
        exchange_answer(x, 200, json_object());
}

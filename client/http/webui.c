/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/routes.h"
#include "client/http/webui.h"
#include "client/option-json.h"

/* What both sides call by other names; numbers and names of samplers are those of the command line. */
static const struct {
        const char *name;
        OptionId option;
} field_table[] = {
        { "negative_prompt", OPTION_NEGATIVE }, { "steps", OPTION_STEPS }, { "cfg_scale", OPTION_GUIDANCE },
        { "eta", OPTION_ETA },
};

static json_t *given(json_t *asked, const char *name)
{
        json_t *value = json_object_get(asked, name);

        return json_is_null(value) ? NULL : value;
}

static const char *text_of(json_t *asked, const char *name)
{
        const char *text = json_string_value(given(asked, name));

        return text && text[0] ? text : NULL;
}

/* What is not asked for: "", "Automatic", "Use same sampler". */
static bool is_left_open(const char *name)
{
        return !name || strcasecmp(name, "Automatic") == 0 || strncasecmp(name, "Use same", 8) == 0;
}

/* A number of pictures that is a product, and seeds of which -1 is any. */
static int read_numbers(json_t *asked, Options *o, Error *error)
{
        json_t *batch = given(asked, "batch_size"), *rounds = given(asked, "n_iter"), *seed = given(asked, "seed");
        json_t *subseed = given(asked, "subseed"), *strength = given(asked, "subseed_strength");
        const json_int_t per = batch ? json_integer_value(batch) : 1, n = rounds ? json_integer_value(rounds) : 1;
        int r = 0;

        if (per < 1 || n < 1 || per > REQUEST_COUNT_MAX || n > REQUEST_COUNT_MAX || per * n > REQUEST_COUNT_MAX)
                return error_set(error, -EINVAL, "batch_size times n_iter is 1 to %d", REQUEST_COUNT_MAX);
        o->count = (uint64_t)(per * n);
        o->given[OPTION_COUNT] = true;
        if (seed && json_number_value(seed) != -1)
                r = option_from_json(o, OPTION_SEED, seed, "seed", error);
        if (r >= 0 && strength && json_number_value(strength) > 0) {
                r = option_from_json(o, OPTION_VARY, strength, "subseed_strength", error);
                if (r >= 0 && subseed && json_number_value(subseed) != -1)
                        r = option_from_json(o, OPTION_VARIATION_SEED, subseed, "subseed", error);
        }
        return r;
}

static int read_names(json_t *asked, json_t *overrides, const char *chosen, Options *o, Error *error)
{
        const char *sampler = text_of(asked, "sampler_name") ? text_of(asked, "sampler_name") : text_of(asked, "sampler_index");
        const char *schedule = text_of(asked, "scheduler"), *model = text_of(overrides, "sd_model_checkpoint");
        json_t *skip = given(overrides, "CLIP_stop_at_last_layers");
        int r = 0;

        o->model = model ? model : chosen;
        if (!is_left_open(sampler)) {
                o->sampler = sampler;
                r = sampler_from_string(sampler, NULL) > 0 ? 0 : error_set(error, -EINVAL, "Sampler not found");
        }
        if (r >= 0 && !is_left_open(schedule)) {
                o->schedule = schedule;
                r = sigma_schedule_from_string(schedule) > 0 ? 0 : error_set(error, -EINVAL, "Scheduler not found");
        }
        if (r >= 0 && skip && json_integer_value(skip) > 1)
                r = option_from_json(o, OPTION_CLIP_SKIP, skip, "CLIP_stop_at_last_layers", error);
        return r;
}

static int read_options(json_t *asked, const char *chosen, Options *o, Error *error)
{
        json_t *prompt = given(asked, "prompt"), *value;
        int r = 0;

        if (prompt && !json_is_string(prompt))
                return error_set(error, -EINVAL, "prompt is a text");
        *o = (Options) { .prompt = (char *)(prompt ? json_string_value(prompt) : ""), .count = 1 };
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(field_table); i++)
                if ((value = given(asked, field_table[i].name)))
                        r = option_from_json(o, field_table[i].option, value, field_table[i].name, error);
        if (r >= 0 && (value = given(asked, "width")))
                r = side_from_json(&o->width, value, "width", error);
        if (r >= 0 && (value = given(asked, "height")))
                r = side_from_json(&o->height, value, "height", error);
        if (r >= 0)
                r = read_numbers(asked, o, error);
        if (r >= 0)
                r = read_names(asked, json_object_get(asked, "override_settings"), chosen, o, error);
        if (r >= 0 && json_is_true(given(asked, "tiling")))
                o->tiling = "xy";
        return r;
}

/* The two passes of enable_hr: the size asked for is that of the first. */
static int read_hires(json_t *asked, Options *o, Error *error)
{
        json_t *scale = given(asked, "hr_scale"), *strength = given(asked, "denoising_strength");
        json_t *steps = given(asked, "hr_second_pass_steps");
        int r = 0;

        if (!json_is_true(given(asked, "enable_hr")))
                return 0;
        o->hires = 2;
        o->given[OPTION_HIRES] = true;
        if (scale)
                r = option_from_json(o, OPTION_HIRES, scale, "hr_scale", error);
        if (r >= 0 && strength)
                r = option_from_json(o, OPTION_HIRES_STRENGTH, strength, "denoising_strength", error);
        if (r >= 0 && steps && json_integer_value(steps) > 0)
                r = option_from_json(o, OPTION_HIRES_STEPS, steps, "hr_second_pass_steps", error);
        if (r >= 0 && (o->width * o->hires > REQUEST_SIZE_MAX || o->height * o->hires > REQUEST_SIZE_MAX))
                r = error_set(error, -EINVAL, "hr_scale makes it larger than %d pixels", REQUEST_SIZE_MAX);
        o->width = (uint32_t)(o->width * o->hires);
        o->height = (uint32_t)(o->height * o->hires);
        return r;
}

static int read_inputs(json_t *asked, Inputs *inputs, Options *o, Error *error)
{
        const char *image = json_string_value(json_array_get(given(asked, "init_images"), 0)), *mask = text_of(asked, "mask");
        json_t *strength = given(asked, "denoising_strength");
        int r = image ? input_from_base64(image, "init_images", &inputs->from, error)
                      : error_set(error, -ENOENT, "Init image not found");

        if (r >= 0 && json_array_size(given(asked, "init_images")) > 1)
                r = error_set(error, -EINVAL, "one picture to start from is taken");
        if (r >= 0 && mask && json_number_value(given(asked, "inpainting_mask_invert")) != 0)
                r = error_set(error, -EINVAL, "inpainting_mask_invert is not known here: send the inverted mask");
        if (r >= 0 && mask)
                r = input_from_base64(mask, "mask", &inputs->mask, error);
        if (r >= 0 && strength)
                r = option_from_json(o, OPTION_STRENGTH, strength, "denoising_strength", error);
        return r;
}

/* What web UIs tell of the pictures, as a text with JSON in it. */
static char *make_info(const Drawing *d)
{
        json_t *seeds = json_array(), *texts = json_array(), *prompts = json_array();
        const char *prompt = json_string_value(given(d->asked, "prompt")), *negative = json_string_value(given(d->asked, "negative_prompt"));
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
        const bool is_sent = !json_is_false(given(d->asked, "send_images"));
        _cleanup_(freep) char *info = make_info(d);
        json_t *images = json_array();

        for (size_t i = 0; is_sent && i < d->n_pictures; i++)
                (void)json_array_append_new(images, json_string(d->pictures[i].base64));
        (void)json_object_del(d->asked, "init_images");
        (void)json_object_del(d->asked, "mask");
        exchange_answer(d->exchange, 200, json_pack("{s:o, s:O, s:s}", "images", images, "parameters", d->asked, "info",
                                                    info ? info : "{}"));
}

static void draw(Exchange *x, bool has_inputs)
{
        _cleanup_(inputs_done) Inputs inputs = { -1, -1 };
        const Drawing drawing = { .on_done = on_done };
        json_t *asked = exchange_body(x);
        Error error = { 0 };
        Options options;

        if (!asked)
                return;
        int r = read_options(asked, choice_of(x->bridge, x->app), &options, &error);
        if (r >= 0)
                r = has_inputs ? read_inputs(asked, &inputs, &options, &error) : read_hires(asked, &options, &error);
        if (r < 0) {
                json_decref(asked);
                exchange_refuse(x, r == -ENOENT ? 404 : 422, NULL, "%s", error.text);
                return;
        }
        (void)json_object_del(asked, "init_images"); /* they are large, and in memfds now */
        (void)json_object_del(asked, "mask");
        drawing_begin(x, asked, &options, &inputs, &drawing);
}

void webui_txt2img(Exchange *x)
{
        draw(x, false);
}

void webui_img2img(Exchange *x)
{
        draw(x, true);
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

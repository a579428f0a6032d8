/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/webui-request.h"
#include "client/option-json.h"

#define SIDE_DEFAULT 512 /* web UIs' */
#define MASK_BLUR_DEFAULT 4
#define UPSCALING_DEFAULT 2

/* What both sides call by other names; numbers and names of samplers are those of the command line. */
static const struct {
        const char *name;
        OptionId option;
} field_table[] = {
        { "negative_prompt", OPTION_NEGATIVE }, { "steps", OPTION_STEPS }, { "cfg_scale", OPTION_GUIDANCE },
        { "eta", OPTION_ETA },
};

static const char *const numbers[] = {
        "steps", "cfg_scale", "eta", "width", "height", "batch_size", "n_iter", "seed", "subseed", "subseed_strength",
        "denoising_strength", "clip_skip", "tiling", "enable_hr", "hr_scale", "hr_resize_x", "hr_resize_y",
        "hr_second_pass_steps", "mask_blur", "mask_blur_x", "inpainting_mask_invert", "resize_mode", "upscaling_resize",
        "upscaling_resize_w", "upscaling_resize_h", "extras_upscaler_2_visibility",
};

json_t *webui_given(json_t *asked, const char *name)
{
        json_t *value = json_object_get(asked, name);

        return json_is_null(value) ? NULL : value;
}

static const char *text_of(json_t *asked, const char *name)
{
        const char *text = json_string_value(webui_given(asked, name));

        return text && text[0] ? text : NULL;
}

/* Of one that is not there: 0. */
static double number_of(json_t *asked, const char *name)
{
        return json_number_value(webui_given(asked, name));
}

/* "7", 7.0 and true are numbers, too. */
static void make_numbers_plain(json_t *asked)
{
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                json_t *value = json_object_get(asked, numbers[i]);
                json_t *plain = json_is_string(value) ? json_loads(json_string_value(value), JSON_DECODE_ANY, NULL) : json_incref(value);
                const double number = json_number_value(plain);
                if (json_is_boolean(plain))
                        (void)json_object_set_new(asked, numbers[i], json_integer(json_is_true(plain)));
                else if (json_is_real(plain) && nearbyint(number) == number && fabs(number) < 1e15)
                        (void)json_object_set_new(asked, numbers[i], json_integer((json_int_t)number));
                else if (json_is_number(plain))
                        (void)json_object_set(asked, numbers[i], plain);
                json_decref(plain);
        }
}

/* What is not asked for: "", "Automatic", "Use same sampler". */
static bool is_left_open(const char *name)
{
        return !name || strcasecmp(name, "Automatic") == 0 || strncasecmp(name, "Use same", 8) == 0;
}

static bool is_none(const char *name)
{
        return is_left_open(name) || strcasecmp(name, "None") == 0;
}

bool webui_model_name(const char *title, char ret[WEBUI_MODEL_MAX + 1])
{
        size_t length = strcspn(title, "[");

        if (title[length] && length > 0 && title[length - 1] == ' ')
                length--;
        if (length > WEBUI_MODEL_MAX)
                return false;
        memcpy(ret, title, length);
        ret[length] = '\0';
        return true;
}

/* A number of pictures that is a product, and seeds of which -1 is any. */
static int read_numbers(json_t *asked, Options *o, Error *error)
{
        json_t *batch = webui_given(asked, "batch_size"), *rounds = webui_given(asked, "n_iter"), *seed = webui_given(asked, "seed");
        json_t *subseed = webui_given(asked, "subseed"), *strength = webui_given(asked, "subseed_strength");
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

static int read_model(WebuiRequest *request, const char *title, const char *chosen, Error *error)
{
        Options *o = &request->options;

        if (title && !webui_model_name(title, request->model))
                return error_set(error, -EINVAL, "sd_model_checkpoint: that name is too long");
        o->model = title ? request->model : chosen;
        int r = provider_take(o, o->model, error);
        if (r > 0)
                o->model = NULL;
        return r;
}

static int read_names(json_t *asked, Options *o, Error *error)
{
        const char *sampler = text_of(asked, "sampler_name") ? text_of(asked, "sampler_name") : text_of(asked, "sampler_index");
        const char *schedule = text_of(asked, "scheduler");

        if (!is_left_open(sampler)) {
                o->sampler = sampler;
                if (sampler_from_string(sampler, NULL) <= 0)
                        return error_set(error, -EINVAL, "Sampler not found");
        }
        if (!is_left_open(schedule)) {
                o->schedule = schedule;
                if (sigma_schedule_from_string(schedule) <= 0)
                        return error_set(error, -EINVAL, "Scheduler not found");
        }
        return 0;
}

static int read_clip_skip(json_t *asked, json_t *overrides, Options *o, Error *error)
{
        static const char name[] = "CLIP_stop_at_last_layers";
        json_t *skip = webui_given(overrides, name) ? webui_given(overrides, name) : webui_given(asked, "clip_skip");

        return skip && json_integer_value(skip) > 1 ? option_from_json(o, OPTION_CLIP_SKIP, skip, name, error) : 0;
}

/* Extensions are said not to be there in web UIs' words; those without arguments change nothing. */
static int refuse_scripts(json_t *asked, Error *error)
{
        const char *name = text_of(asked, "script_name");
        json_t *script;

        if (!is_none(name))
                return error_set(error, -EINVAL, "Script '%s' not found", name);
        json_object_foreach(webui_given(asked, "alwayson_scripts"), name, script) {
                json_t *arguments = json_object_get(script, "args");
                if (json_array_size(arguments) > 0 || json_object_size(arguments) > 0)
                        return error_set(error, -EINVAL, "always on script %s not found", name);
        }
        return 0;
}

static int refuse_others(json_t *asked, Error *error)
{
        if (text_of(asked, "infotext"))
                return error_set(error, -EINVAL, "infotext is not read here: send its fields");
        if (!is_none(text_of(asked, "refiner_checkpoint")))
                return error_set(error, -EINVAL, "refiner_checkpoint: one model draws a picture here");
        return refuse_scripts(asked, error);
}

static int read_options(WebuiRequest *request, json_t *asked, const char *chosen, Error *error)
{
        json_t *prompt = webui_given(asked, "prompt"), *overrides = webui_given(asked, "override_settings"), *value;
        Options *o = &request->options;

        *request = (WebuiRequest) { .inputs = { -1, -1 } };
        if (prompt && !json_is_string(prompt))
                return error_set(error, -EINVAL, "prompt is a text");
        *o = (Options) { .prompt = (char *)(prompt ? json_string_value(prompt) : ""), .count = 1 };
        make_numbers_plain(asked);
        int r = refuse_others(asked, error);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(field_table); i++)
                if ((value = webui_given(asked, field_table[i].name)))
                        r = option_from_json(o, field_table[i].option, value, field_table[i].name, error);
        if (r >= 0 && (value = webui_given(asked, "width")))
                r = side_from_json(&o->width, value, "width", error);
        if (r >= 0 && (value = webui_given(asked, "height")))
                r = side_from_json(&o->height, value, "height", error);
        if (r >= 0)
                r = read_numbers(asked, o, error);
        if (r >= 0)
                r = read_model(request, text_of(overrides, "sd_model_checkpoint"), chosen, error);
        if (r >= 0)
                r = read_names(asked, o, error);
        if (r >= 0)
                r = read_clip_skip(asked, overrides, o, error);
        if (r >= 0 && number_of(asked, "tiling") != 0)
                o->tiling = "xy";
        return r;
}

/* --- the two passes of enable_hr --- */

/* What the second pass has of its own in web UIs, and of the first one here. */
static int refuse_second_ways(json_t *asked, Error *error)
{
        static const struct {
                const char *name, *first;
        } ways[] = {
                { "hr_prompt", "prompt" }, { "hr_negative_prompt", "negative_prompt" }, { "hr_sampler_name", "sampler_name" },
                { "hr_scheduler", "scheduler" }, { "hr_checkpoint_name", "sd_model_checkpoint" },
        };

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                const char *second = text_of(asked, ways[i].name), *first = text_of(asked, ways[i].first);
                if (!is_none(second) && !(first && streq(first, second)))
                        return error_set(error, -EINVAL, "%s: both passes have the same %s here", ways[i].name, ways[i].first);
        }
        return 0;
}

/* hr_resize_x and hr_resize_y are the size in the end; one of them alone keeps the shape. */
static int read_hires_size(json_t *asked, Options *o, Error *error)
{
        const double width = o->width, height = o->height;
        double x = number_of(asked, "hr_resize_x"), y = number_of(asked, "hr_resize_y");

        x = x > 0 ? x : round(y * width / height);
        y = y > 0 ? y : round(x * height / width);
        o->hires = sqrt(x * y / (width * height));
        if (o->hires < 1 || o->hires > REQUEST_HIRES_MAX)
                return error_set(error, -EINVAL, "hr_resize_x, hr_resize_y: 1 to %d times as large as the first pass", REQUEST_HIRES_MAX);
        if (x > REQUEST_SIZE_MAX || y > REQUEST_SIZE_MAX)
                return error_set(error, -EINVAL, "hr_resize_x, hr_resize_y: at most %d pixels", REQUEST_SIZE_MAX);
        o->width = (uint32_t)x;
        o->height = (uint32_t)y;
        return 0;
}

/* The size asked for is that of the first pass; without one it is web UIs', for a model's own is not known here. */
static int read_hires_scale(json_t *asked, Options *o, Error *error)
{
        json_t *scale = webui_given(asked, "hr_scale");
        int r = 0;

        o->width = o->width > 0 ? o->width : SIDE_DEFAULT;
        o->height = o->height > 0 ? o->height : SIDE_DEFAULT;
        if (number_of(asked, "hr_resize_x") > 0 || number_of(asked, "hr_resize_y") > 0)
                return read_hires_size(asked, o, error);
        o->hires = UPSCALING_DEFAULT;
        if (scale)
                r = option_from_json(o, OPTION_HIRES, scale, "hr_scale", error);
        if (r >= 0 && (o->width * o->hires > REQUEST_SIZE_MAX || o->height * o->hires > REQUEST_SIZE_MAX))
                r = error_set(error, -EINVAL, "hr_scale makes it larger than %d pixels", REQUEST_SIZE_MAX);
        if (r < 0)
                return r;
        o->width = (uint32_t)(o->width * o->hires);
        o->height = (uint32_t)(o->height * o->hires);
        return 0;
}

static int read_hires(json_t *asked, Options *o, Error *error)
{
        json_t *strength = webui_given(asked, "denoising_strength"), *steps = webui_given(asked, "hr_second_pass_steps");

        if (number_of(asked, "enable_hr") == 0)
                return 0;
        int r = refuse_second_ways(asked, error);
        if (r >= 0)
                r = read_hires_scale(asked, o, error);
        if (r >= 0 && strength)
                r = option_from_json(o, OPTION_HIRES_STRENGTH, strength, "denoising_strength", error);
        if (r >= 0 && steps && json_integer_value(steps) > 0)
                r = option_from_json(o, OPTION_HIRES_STEPS, steps, "hr_second_pass_steps", error);
        o->given[OPTION_HIRES] = true;
        return r;
}

/* --- pictures to start from --- */

/* As web UIs read masks: what is opaque, or, if all of it is, what is bright. */
static int read_mask(json_t *asked, WebuiRequest *request, Error *error)
{
        json_t *blur = webui_given(asked, "mask_blur") ? webui_given(asked, "mask_blur") : webui_given(asked, "mask_blur_x");
        const char *mask = text_of(asked, "mask");
        Options *o = &request->options;

        if (!mask)
                return 0;
        o->mask_paints = mask_paints_to_string(number_of(asked, "inpainting_mask_invert") != 0 ? MASK_PAINTS_CLEAR : MASK_PAINTS_OPAQUE);
        o->mask_blur = o->provider ? 0 : MASK_BLUR_DEFAULT; /* not all others have soft edges: these have to be asked for */
        o->given[OPTION_MASK_BLUR] = true;
        int r = blur ? option_from_json(o, OPTION_MASK_BLUR, blur, "mask_blur", error) : 0;
        return r < 0 ? r : input_from_base64(mask, "mask", &request->inputs.mask, error);
}

static int read_inputs(json_t *asked, WebuiRequest *request, Error *error)
{
        json_t *pictures = webui_given(asked, "init_images"), *strength = webui_given(asked, "denoising_strength");
        const char *picture = json_string_value(json_array_get(pictures, 0));
        int r = 0;

        if (!picture)
                return error_set(error, -ENOENT, "Init image not found");
        if (json_array_size(pictures) > 1)
                return error_set(error, -EINVAL, "one picture to start from is taken");
        r = input_from_base64(picture, "init_images", &request->inputs.from, error);
        if (r >= 0)
                r = read_mask(asked, request, error);
        if (r >= 0 && strength)
                r = option_from_json(&request->options, OPTION_STRENGTH, strength, "denoising_strength", error);
        return r;
}

int webui_request_from_text(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error)
{
        int r = read_options(ret, asked, chosen, error);

        return r < 0 ? r : read_hires(asked, &ret->options, error);
}

int webui_request_from_picture(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error)
{
        int r = read_options(ret, asked, chosen, error);

        return r < 0 ? r : read_inputs(asked, ret, error);
}

/* --- a picture that becomes larger --- */

/* resize_mode 1: to a size, 0: so many times. */
static int read_upscaling(json_t *asked, Options *o, Error *error)
{
        json_t *width = webui_given(asked, "upscaling_resize_w"), *height = webui_given(asked, "upscaling_resize_h");
        json_t *scale = webui_given(asked, "upscaling_resize");
        int r;

        o->strength = 0; /* nothing is drawn */
        o->given[OPTION_STRENGTH] = true;
        if (number_of(asked, "resize_mode") != 1) {
                o->hires = UPSCALING_DEFAULT;
                o->given[OPTION_HIRES] = true;
                return scale ? option_from_json(o, OPTION_HIRES, scale, "upscaling_resize", error) : 0;
        }
        if (!width || !height)
                return error_set(error, -EINVAL, "upscaling_resize_w and upscaling_resize_h are missing");
        r = side_from_json(&o->width, width, "upscaling_resize_w", error);
        return r < 0 ? r : side_from_json(&o->height, height, "upscaling_resize_h", error);
}

int webui_request_upscale(WebuiRequest *ret, json_t *asked, const char *chosen, Error *error)
{
        static char nothing[] = "";
        const char *image = text_of(asked, "image"), *upscaler = text_of(asked, "upscaler_1");

        *ret = (WebuiRequest) { .inputs = { -1, -1 }, .options = { .prompt = nothing, .count = 1, .enlarge = "lanczos" } };
        if (chosen && !provider_of(chosen)) /* nothing is drawn, so nobody else is asked */
                ret->options.model = chosen;
        make_numbers_plain(asked);
        if (!image)
                return error_set(error, -ENOENT, "Image not found");
        if (is_none(upscaler))
                return 0;
        if (strcasecmp(upscaler, "Lanczos") != 0)
                return error_set(error, -EINVAL, "could not find upscaler named %s", upscaler);
        if (!is_none(text_of(asked, "upscaler_2")) && number_of(asked, "extras_upscaler_2_visibility") > 0)
                return error_set(error, -EINVAL, "upscaler_2: one makes it larger here");
        int r = read_upscaling(asked, &ret->options, error);
        if (r >= 0)
                r = input_from_base64(image, "image", &ret->inputs.from, error);
        return r < 0 ? r : 1;
}

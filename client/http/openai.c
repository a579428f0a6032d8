/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/routes.h"
#include "client/option-json.h"
#include "client/values.h"

#define COUNT_MAX 10
#define PARTIALS_MAX 3

/* What OpenAI's interface has, and what its copies have beside. */
static const struct {
        const char *name;
        OptionId option;
} field_table[] = {
        { "n", OPTION_COUNT },
        { "output_format", OPTION_FORMAT },
        { "output_compression", OPTION_QUALITY },
        { "negative_prompt", OPTION_NEGATIVE },
        { "seed", OPTION_SEED },
        { "steps", OPTION_STEPS },
        { "cfg_scale", OPTION_GUIDANCE },
};

static json_t *given(json_t *asked, const char *name)
{
        json_t *value = json_object_get(asked, name);

        return json_is_null(value) ? NULL : value;
}

/* Apps that know OpenAI's models alone get the one that is there. */
static bool is_of_openai(const char *model)
{
        return strncmp(model, "gpt-image-", 10) == 0 || strncmp(model, "dall-e-", 7) == 0 || streq(model, "chatgpt-image-latest");
}

static int read_size(json_t *asked, Options *o, Error *error)
{
        const char *size = json_string_value(given(asked, "size"));
        int r;

        if (!size || streq(size, "auto"))
                return 0;
        r = value_parse_size(size, &o->width, &o->height, error);
        return r < 0 ? error_prefix(error, "size") : 0;
}

static int read_options(json_t *asked, Options *o, Error *error)
{
        json_t *prompt = given(asked, "prompt"), *model = given(asked, "model"), *value;
        int r = 0;

        if (!json_is_string(prompt))
                return error_set(error, -EINVAL, "prompt is missing");
        *o = (Options) { .prompt = (char *)json_string_value(prompt), .count = 1 };
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(field_table); i++)
                if ((value = given(asked, field_table[i].name)))
                        r = option_from_json(o, field_table[i].option, value, field_table[i].name, error);
        if (r >= 0 && o->count > COUNT_MAX)
                return error_set(error, -EINVAL, "n is 1 to %d", COUNT_MAX);
        if (r >= 0)
                r = provider_take(o, json_string_value(model), error);
        if (r == 0 && model && !(json_is_string(model) && is_of_openai(json_string_value(model))))
                r = option_from_json(o, OPTION_MODEL, model, "model", error);
        return r < 0 ? r : read_size(asked, o, error);
}

static void add_common(json_t *object, const Drawing *d)
{
        const char *format = json_string_value(given(d->asked, "output_format"));
        char size[32];

        (void)snprintf(size, sizeof(size), "%ux%u", d->job.width, d->job.height);
        (void)json_object_set_new(object, "size", json_string(size));
        (void)json_object_set_new(object, "quality", json_string("high"));
        (void)json_object_set_new(object, "background", json_string("opaque"));
        (void)json_object_set_new(object, "output_format", json_string(format ? format : "png"));
}

static json_t *usage(const Drawing *d)
{
        const int text = (int)d->job.prompt_tokens;

        return json_pack("{s:i, s:i, s:i, s:{s:i, s:i}}", "total_tokens", text, "input_tokens", text, "output_tokens", 0,
                         "input_tokens_details", "text_tokens", text, "image_tokens", 0);
}

static void on_done(Drawing *d)
{
        if (d->is_streaming) {
                exchange_end_events(d->exchange);
                return;
        }
        json_t *data = json_array();
        for (size_t i = 0; i < d->n_pictures; i++)
                (void)json_array_append_new(data, json_pack("{s:s, s:I}", "b64_json", d->pictures[i].base64, "seed",
                                                            (json_int_t)d->pictures[i].seed));
        json_t *answer = json_pack("{s:I, s:o, s:o}", "created", (json_int_t)(d->begun / USEC_PER_SEC), "data", data, "usage",
                                   usage(d));
        add_common(answer, d);
        exchange_answer(d->exchange, 200, answer);
}

static json_t *event(const Drawing *d, const char *type, const char *base64)
{
        json_t *event = json_pack("{s:s, s:s, s:I}", "type", type, "b64_json", base64, "created_at",
                                  (json_int_t)(d->begun / USEC_PER_SEC));

        add_common(event, d);
        return event;
}

/* Previews spread over the way, fewer if it is short. */
static void on_change(Drawing *d)
{
        static const char type[] = "image_generation.partial_image";

        if (!d->preview || d->sent >= d->partials || d->job.progress < (d->sent + 1.0) / (d->partials + 2.0))
                return;
        json_t *partial = event(d, type, d->preview);
        (void)json_object_set_new(partial, "partial_image_index", json_integer(d->sent++));
        (void)json_object_set_new(partial, "output_format", json_string("png"));
        d->is_streaming = true;
        exchange_event(d->exchange, type, partial);
        free(d->preview);
        d->preview = NULL;
}

static void on_picture(Drawing *d, const Drawn *drawn)
{
        static const char type[] = "image_generation.completed";
        json_t *completed = event(d, type, drawn->base64);

        (void)json_object_set_new(completed, "usage", usage(d));
        d->is_streaming = true;
        exchange_event(d->exchange, type, completed);
}

void openai_generate(Exchange *x)
{
        const Inputs none = { -1, -1 };
        Drawing drawing = { .on_done = on_done };
        Error error = { 0 };
        Options options;

        json_t *asked = exchange_body(x);
        if (!asked)
                return;
        json_t *partials = given(asked, "partial_images");
        int r = read_options(asked, &options, &error);
        if (r >= 0 && partials && (json_integer_value(partials) < 0 || json_integer_value(partials) > PARTIALS_MAX))
                r = error_set(&error, -EINVAL, "partial_images is 0 to %d", PARTIALS_MAX);
        if (r < 0) {
                json_decref(asked);
                exchange_refuse(x, 400, "invalid_value", "%s", error.text);
                return;
        }
        if (json_is_true(given(asked, "stream"))) {
                drawing.partials = (unsigned)json_integer_value(partials);
                drawing.on_change = drawing.partials > 0 ? on_change : NULL;
                drawing.on_picture = on_picture;
        }
        drawing_begin(x, asked, &options, &none, &drawing);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/input.h"
#include "client/mcp/thumbnail.h"
#include "client/mcp/tools.h"
#include "client/names.h"
#include "client/option-json.h"
#include "dbus/names.h"

#define COUNT_MAX 8

typedef struct Generation {
        Call *call;
        Order *order;
        char *words; /* what files are called */
} Generation;

static const Argument argument_table[] = {
        { "negative_prompt", "string", OPTION_NEGATIVE, "What the picture must not show" },
        { "seed", "integer", OPTION_SEED, "Repeats a picture; random if absent" },
        { "steps", "integer", OPTION_STEPS, "Denoising steps; the model's if absent" },
        { "guidance", "number", OPTION_GUIDANCE, "How closely the prompt is followed; the model's if absent" },
        { "sampler", "string", OPTION_SAMPLER, "The model's if absent" },
        { "fast", "boolean", OPTION_FAST, "Few steps: sooner, and nearly as good" },
        { "model", "string", OPTION_MODEL, "A name that list_models gives; the resident one if absent" },
        { "provider", "string", OPTION_PROVIDER, "Another generator of the user's configuration (imagine providers), which may cost money and "
                                                 "gets the prompt; only if the user asks for it. The resident model if absent" },
        { "best_effort", "boolean", OPTION_BEST_EFFORT, "With provider: leave out what it does not have" },
        { "strength", "number", OPTION_STRENGTH, "With from: how much is painted anew, 0 to 1" },
};

/* The others. */
static const char other_arguments[] =
        "{\"prompt\": {\"type\": \"string\", \"maxLength\": 8192, \"description\": \"What the picture shows: subject, composition, "
        "style, light\"}, "
        "\"width\": {\"type\": \"integer\", \"minimum\": 16, \"maximum\": 2048, \"description\": \"Pixels; the model's if absent\"}, "
        "\"height\": {\"type\": \"integer\", \"minimum\": 16, \"maximum\": 2048, \"description\": \"Pixels; the model's if absent\"}, "
        "\"count\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 8, \"description\": \"How many pictures\"}, "
        "\"name\": {\"type\": \"string\", \"description\": \"What the file is called; by default the words of the prompt. The seed is "
        "added, and nothing is overwritten\"}, "
        "\"from\": {\"type\": \"string\", \"description\": \"The file name of an earlier picture to start from\"}, "
        "\"mask\": {\"type\": \"string\", \"description\": \"With from: the file name of a picture that is bright where it is to be "
        "painted anew\"}}";

static json_t *schema(void)
{
        json_t *properties = json_loads(other_arguments, 0, NULL);

        arguments_add_schema(properties, argument_table, ELEMENTSOF(argument_table));
        return schema_object(properties, "prompt");
}

static int read_options(json_t *arguments, Options *o, Error *error)
{
        json_t *prompt = json_object_get(arguments, "prompt"), *value;

        if (!json_is_string(prompt))
                return error_set(error, -EINVAL, "prompt is missing");
        *o = (Options) { .prompt = (char *)json_string_value(prompt) };
        int r = arguments_read_options(arguments, argument_table, ELEMENTSOF(argument_table), o, error);
        if (r >= 0 && (value = json_object_get(arguments, "width")))
                r = side_from_json(&o->width, value, "width", error);
        if (r >= 0 && (value = json_object_get(arguments, "height")))
                r = side_from_json(&o->height, value, "height", error);
        return r < 0 ? r : arguments_read_count(arguments, COUNT_MAX, o, error);
}

static int read_input(const Shelf *shelf, json_t *arguments, const char *name, int *ret, bool *is_private, Error *error)
{
        json_t *value = json_object_get(arguments, name);
        _cleanup_(closep) int fd = -1;

        if (!value)
                return 0;
        if (!json_is_string(value))
                return error_set(error, -EINVAL, "%s is the name of a file", name);
        int r = shelf_get(shelf, json_string_value(value), &fd, error);
        return r < 0 ? r : input_read_fd(fd, name, ret, is_private, error);
}

static int read_inputs(const Call *call, json_t *arguments, Options *options, Inputs *inputs, Error *error)
{
        static const char *const needs[] = { "mask", "strength" };

        for (size_t i = 0; i < ELEMENTSOF(needs); i++)
                if (json_object_get(arguments, needs[i]) && !json_object_get(arguments, "from"))
                        return error_set(error, -EINVAL, "%s needs from", needs[i]);
        int r = read_input(call->shelf, arguments, "from", &inputs->from, &options->private, error);
        return r < 0 ? r : read_input(call->shelf, arguments, "mask", &inputs->mask, &options->private, error);
}

static void on_update(const JobInfo *job, void *userdata)
{
        const Generation *g = userdata;

        switch (job_state(job)) {
        case JOB_LOADING:
                call_progress(g->call, MAX(job->progress, 0.001), "loading the model");
                break;
        case JOB_RUNNING:
                if (job->count > 1)
                        call_progress(g->call, job->progress, "picture %u of %u, step %u of %u", MIN(job->pictures + 1, job->count),
                                      job->count, job->step, job->steps);
                else
                        call_progress(g->call, job->progress, "step %u of %u", job->step, job->steps);
                break;
        default:
                break;
        }
}

static void add_structured(Call *call, const char *name, uint64_t seed, const JobInfo *job, const Picture *picture)
{
        _cleanup_(freep) char *uri = shelf_uri(call->shelf, name);
        char digits[32];

        (void)snprintf(digits, sizeof(digits), "%" PRIu64, seed);
        if (!call->structured)
                call->structured = json_pack("{s:[]}", "pictures");
        (void)json_array_append_new(json_object_get(call->structured, "pictures"),
                                    json_pack("{s:s, s:s?, s:s, s:i, s:i, s:s}", "name", name, "uri", uri, "seed", digits, "width",
                                              (int)picture->width, "height", (int)picture->height, "model", job->model));
}

static bool on_picture(
        uint32_t index, uint64_t seed, const JobInfo *job, const Picture *picture, Failure *failure, void *userdata)
{
        _cleanup_(freep) char *name = NULL, *thumbnail = NULL;
        Generation *g = userdata;
        JobInfo of_picture = *job;
        char settings[256];
        Error error = { 0 };

        (void)index;
        if (shelf_put(g->call->shelf, g->words, seed, picture, &name, &error) < 0) {
                failure_say(failure, "%s", error.text);
                return false;
        }
        call_add_link(g->call, name, "image/png");
        if (thumbnail_encode(picture, THUMBNAIL_SIDE, &thumbnail) >= 0)
                call_add_image(g->call, thumbnail, "image/png");
        of_picture.seed = seed;
        job_describe(&of_picture, settings, sizeof(settings));
        call_add_text(g->call, "%s: %s", name, settings);
        add_structured(g->call, name, seed, job, picture);
        return true;
}

static void on_end(const JobInfo *job, const Failure *failure, void *userdata)
{
        Call *call = ((Generation *)userdata)->call;

        if (failure) {
                call_fail(call, "%s", failure->message);
                return;
        }
        if (job->truncated_tokens > 0)
                call_add_text(call, "The model takes no prompt of that length: the last %u tokens of it were not used.",
                              job->truncated_tokens);
        call_progress(call, 1, "done");
        call_end(call);
}

/* 0, or a negative errno with a sentence. */
static int begin(Generation *g, json_t *arguments, Error *error)
{
        const OrderHooks hooks = { .on_picture = on_picture, .on_update = on_update, .on_end = on_end, .userdata = g };
        const char *name = json_string_value(json_object_get(arguments, "name"));
        _cleanup_(inputs_done) Inputs inputs = { -1, -1 };
        Failure failure = { 0 };
        Options options;

        int r = read_options(arguments, &options, error);
        if (r >= 0)
                r = read_inputs(g->call, arguments, &options, &inputs, error);
        if (r < 0)
                return r;
        g->words = name_from_prompt(name ? name : options.prompt);
        if (!g->words)
                return error_set(error, -ENOMEM, "out of memory");
        if (order_new(g->call->link, &options, &inputs, &hooks, &g->order, &failure) != CODE_OK)
                return error_set(error, -EIO, "%s", failure.message);
        return 0;
}

static void run(Call *call, json_t *arguments)
{
        Generation *g = calloc(1, sizeof(*g));
        Error error = { 0 };

        if (!g) {
                call_fail(call, "out of memory");
                return;
        }
        *g = (Generation) { .call = call };
        call->state = g;
        if (begin(g, arguments, &error) < 0)
                call_fail(call, "%s", error.text);
}

static void stop(Call *call)
{
        Generation *g = call->state;

        if (!g)
                return;
        g->order = order_free(g->order);
        free(g->words);
        free(g);
        call->state = NULL;
}

const Tool tool_generate = {
        .name = "generate_image",
        .title = "Generate an image",
        .description = "Draws pictures of what the prompt says and saves them as PNG files. Returns a link to each file, a small "
                       "version of it, and its seed and settings.",
        .schema = schema,
        .run = run,
        .stop = stop,
};

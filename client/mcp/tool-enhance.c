/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "client/mcp/tools.h"

#define COUNT_MAX 16

typedef struct Enhancement {
        Call *call;
        Order *order;
        char *fields[FIELDS_GIVEN_MAX]; /* NAME=TEXT */
} Enhancement;

static const Argument argument_table[] = {
        { "refine", "string", OPTION_REFINE, "How an earlier prompt, which idea then is, is to change, such as \"warmer, closer\"" },
        { "seed", "integer", OPTION_SEED, "Repeats prompts; random if absent" },
        { "template", "string", OPTION_TEMPLATE, "The name of one of the user's templates" },
        { "profile", "string", OPTION_PROFILE, "The name of one of the user's brand profiles" },
        { "purpose", "string", OPTION_PURPOSE, "What the picture is for, such as icon, wallpaper, marketing, educational" },
        { "model", "string", OPTION_MODEL, "A name that list_models gives, whose words are kept to; the resident one if absent" },
        { "engine", "string", OPTION_WRITER,
          "builtin works on this machine alone; chat asks a chat server, if the user has consented to one; builtin if absent" },
};

/* The others. */
static const char other_arguments[] =
        "{\"idea\": {\"type\": \"string\", \"maxLength\": 8192, \"description\": \"A short description, or with refine an earlier "
        "prompt\"}, "
        "\"count\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 16, \"description\": \"How many variations\"}, "
        "\"lineage\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"description\": \"With refine: the lineage that the "
        "earlier prompt came with\"}, "
        "\"fields\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}, \"description\": \"What is settled: "
        "texts for subject, setting, composition, camera, style, palette, lighting, texture, mood, constraints, negative\"}}";

static json_t *schema(void)
{
        json_t *properties = json_loads(other_arguments, 0, NULL);

        arguments_add_schema(properties, argument_table, ELEMENTSOF(argument_table));
        return schema_object(properties, "idea");
}

/* --- what is asked --- */

static int read_fields(Enhancement *e, json_t *fields, Options *o, Error *error)
{
        const char *name;
        json_t *text;

        if (fields && (!json_is_object(fields) || json_object_size(fields) > FIELDS_GIVEN_MAX))
                return error_set(error, -EINVAL, "fields is an object of at most %d texts", FIELDS_GIVEN_MAX);
        json_object_foreach(fields, name, text) {
                if (!json_is_string(text) || strchr(name, '='))
                        return error_set(error, -EINVAL, "fields has texts, by the names of fields");
                if (asprintf(&e->fields[o->n_fields], "%s=%s", name, json_string_value(text)) < 0) {
                        e->fields[o->n_fields] = NULL;
                        return error_set(error, -ENOMEM, "out of memory");
                }
                o->fields[o->n_fields] = e->fields[o->n_fields];
                o->n_fields++;
        }
        return 0;
}

static int check_lineage(json_t *lineage, Error *error)
{
        json_t *text;
        size_t i;

        if (lineage && !json_is_array(lineage))
                return error_set(error, -EINVAL, "lineage is an array of texts");
        json_array_foreach(lineage, i, text)
                if (!json_is_string(text))
                        return error_set(error, -EINVAL, "lineage is an array of texts");
        return 0;
}

static int read_options(Enhancement *e, json_t *arguments, Options *o, Error *error)
{
        *o = (Options) { 0 };
        if (!json_is_string(json_object_get(arguments, "idea")))
                return error_set(error, -EINVAL, "idea is missing");
        int r = arguments_read_options(arguments, argument_table, ELEMENTSOF(argument_table), o, error);
        if (r >= 0)
                r = arguments_read_count(arguments, COUNT_MAX, o, error);
        if (r >= 0)
                r = check_lineage(json_object_get(arguments, "lineage"), error);
        return r < 0 ? r : read_fields(e, json_object_get(arguments, "fields"), o, error);
}

/* --- what comes of it --- */

static const char *text_of(const json_t *prompt, const char *key)
{
        const char *text = json_string_value(json_object_get(prompt, key));
        return text ? text : "";
}

/* The same for people, and for versions without structured content. */
static void add_text(Call *call, const json_t *prompt)
{
        const char *full = text_of(prompt, "prompt"), *for_model = text_of(prompt, "model-prompt"), *negative = text_of(prompt, "negative");
        json_t *notes = json_object_get(prompt, "notes"), *note;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0, i;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return;
        (void)fputs(full, f);
        if (*for_model && !streq(for_model, full))
                (void)fprintf(f, "\n\nFor generate_image: %s", for_model);
        if (*negative)
                (void)fprintf(f, "\nnegative_prompt: %s", negative);
        json_array_foreach(notes, i, note)
                (void)fprintf(f, "\n%s", json_is_string(note) ? json_string_value(note) : "");
        if (fclose(f) == 0)
                call_add_long_text(call, text);
}

/* Numbers that programs may not take exactly are strings of their digits. */
static void put_digits(json_t *prompt, const char *key)
{
        const json_t *value = json_object_get(prompt, key);
        char digits[32];

        if (!json_is_integer(value))
                return;
        (void)snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        (void)json_object_set_new(prompt, key, json_string(digits));
}

static bool on_prompt(json_t *prompt, Failure *failure, void *userdata)
{
        Call *call = ((Enhancement *)userdata)->call;

        (void)failure;
        add_text(call, prompt);
        put_digits(prompt, "seed");
        put_digits(prompt, "picture-seed");
        if (!call->structured)
                call->structured = json_pack("{s:[]}", "prompts");
        (void)json_array_append(json_object_get(call->structured, "prompts"), prompt);
        return true;
}

static void on_update(const JobInfo *job, void *userdata)
{
        const Enhancement *e = userdata;

        if (job_state(job) == JOB_RUNNING)
                call_progress(e->call, MAX(job->progress, 0.001), "prompt %u of %u", MIN(job->pictures + 1, job->count), job->count);
}

static void on_end(const JobInfo *job, const Failure *failure, void *userdata)
{
        Call *call = ((Enhancement *)userdata)->call;

        (void)job;
        if (failure) {
                call_fail(call, "%s", failure->message);
                return;
        }
        call_progress(call, 1, "done");
        call_end(call);
}

/* 0, or a negative errno with a sentence. */
static int begin(Enhancement *e, json_t *arguments, Error *error)
{
        const OrderHooks hooks = { .on_prompt = on_prompt, .on_update = on_update, .on_end = on_end, .userdata = e };
        Failure failure = { 0 };
        Options options;

        int r = read_options(e, arguments, &options, error);
        if (r < 0)
                return r;
        if (order_new_prompts(e->call->link, &options, json_string_value(json_object_get(arguments, "idea")),
                              json_object_get(arguments, "lineage"), &hooks, &e->order, &failure) != CODE_OK)
                return error_set(error, -EIO, "%s", failure.message);
        return 0;
}

static void run(Call *call, json_t *arguments)
{
        Enhancement *e = calloc(1, sizeof(*e));
        Error error = { 0 };

        if (!e) {
                call_fail(call, "out of memory");
                return;
        }
        e->call = call;
        call->state = e;
        if (begin(e, arguments, &error) < 0)
                call_fail(call, "%s", error.text);
}

static void stop(Call *call)
{
        Enhancement *e = call->state;

        if (!e)
                return;
        e->order = order_free(e->order);
        for (size_t i = 0; i < ELEMENTSOF(e->fields); i++)
                free(e->fields[i]);
        free(e);
        call->state = NULL;
}

const Tool tool_enhance = {
        .name = "enhance_prompt",
        .title = "Enhance a prompt",
        .description = "Makes full prompts of a short idea: subject, composition, style, palette, lighting, camera angle, texture, mood "
                       "and constraints. Of each there is the full text, and the one for generate_image, which keeps to what the "
                       "resident model understands. Refines an earlier prompt by an instruction.",
        .only_reads = true,
        .asks_servers = true,
        .schema = schema,
        .run = run,
        .stop = stop,
};

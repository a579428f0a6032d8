/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "net/placeholders.h"
#include "net/workflow.h"

#define NESTING_MAX 64
#define VALUE_MAX (NET_TEXT_MAX + 64)

typedef struct Value {
        const char *name;
        bool is_asked;
        bool is_number;
        const char *text;
} Value;

typedef struct Values {
        Value all[13];
        char seed[32], steps[32], guidance[32], strength[32], width[32], height[32], count[32];
} Values;

static const char *number(char buffer[static 32], double value)
{
        (void)snprintf(buffer, 32, "%.15g", value);
        return buffer;
}

static const char *text_of(const Talk *talk, NetPart part)
{
        return talk->parts[part].size > 0 ? talk->parts[part].data : "";
}

static bool came(const Talk *talk, NetPart part)
{
        return talk->parts[part].size > 0;
}

static void list_values(const Talk *talk, uint32_t count, uint64_t seed, const WorkflowFiles *files, Values *v)
{
        const NetAsk *ask = talk->ask;
        const NetDraw *draw = &ask->draw;

        (void)snprintf(v->seed, sizeof(v->seed), "%" PRIu64, ask->flags & NET_ASK_SEED ? talk_seed(talk) : seed);
        const Value all[] = {
                { "prompt", true, false, text_of(talk, NET_PART_PROMPT) },
                { "negative_prompt", came(talk, NET_PART_NEGATIVE), false, text_of(talk, NET_PART_NEGATIVE) },
                { "seed", ask->flags & NET_ASK_SEED, true, v->seed },
                { "steps", draw->steps > 0, true, number(v->steps, draw->steps) },
                { "guidance", draw->guidance >= 0, true, number(v->guidance, draw->guidance) },
                { "strength", draw->strength >= 0 && came(talk, NET_PART_PICTURE), true, number(v->strength, draw->strength) },
                { "width", draw->width > 0, true, number(v->width, draw->width) },
                { "height", draw->height > 0, true, number(v->height, draw->height) },
                { "count", count > 1, true, number(v->count, count) },
                { "style", draw->style[0], false, draw->style },
                { "model", ask->model[0], false, ask->model },
                { "image", came(talk, NET_PART_PICTURE), false, files->picture },
                { "mask", came(talk, NET_PART_MASK), false, files->mask },
        };
        memcpy(v->all, all, sizeof(all));
}

/* What is there, though nobody asks: a seed by chance, one picture, no text. */
static bool has_own_default(const Value *value)
{
        return streq(value->name, "seed") || streq(value->name, "count") || streq(value->name, "negative_prompt") ||
               streq(value->name, "style");
}

static const Value *find_value(const Values *values, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(values->all); i++)
                if (streq(values->all[i].name, name))
                        return &values->all[i];
        return NULL;
}

int workflow_check(const Talk *talk, Error *error)
{
        static const WorkflowFiles none;
        const char *text = text_of(talk, NET_PART_WORKFLOW);
        Values values;

        list_values(talk, 1, 0, &none, &values);
        for (size_t i = 0; i < ELEMENTSOF(values.all); i++)
                if (values.all[i].is_asked && !streq(values.all[i].name, "model") && !placeholders_have(text, values.all[i].name))
                        return error_set(error, NET_UNSUPPORTED, "The workflow has no place for {{%s}}", values.all[i].name);
        return 0;
}

/* What stands for a placeholder; *ret borrows. */
static int look_up(const Values *values, const char *name, const char *fallback, const char *end, const char **ret, size_t *ret_size, Error *error)
{
        const Value *value = find_value(values, name);

        if (!value)
                return error_set(error, NET_UNSUPPORTED, "The workflow has an unknown placeholder {{%s}}", name);
        if (!value->is_asked && !fallback && !has_own_default(value))
                return error_set(error, NET_UNSUPPORTED, "The workflow wants to be told {{%s}}", name);
        *ret = value->is_asked || !fallback ? value->text : fallback;
        *ret_size = value->is_asked || !fallback ? strlen(value->text) : (size_t)(end - fallback);
        return 0;
}

/* The text with its placeholders filled in. */
static int expand(const char *text, const Values *values, Bytes *ret, Error *error)
{
        const char *fallback, *end, *with = "", *at;
        char name[32];
        size_t size = 0;
        int r = 0;

        for (; (at = placeholders_find(text, name, &fallback, &end)) && r >= 0; text = end + 2) {
                r = look_up(values, name, fallback, end, &with, &size, error);
                if (r < 0)
                        return r;
                r = bytes_add(ret, text, (size_t)(at - text));
                if (r >= 0)
                        r = bytes_add(ret, with, size);
        }
        if (r >= 0)
                r = bytes_add_text(ret, text);
        return r < 0 ? error_set(error, r, "The workflow cannot be filled in: %s", strerror(-r)) : 0;
}

/* Whether the text is one placeholder alone, of a number. */
static bool is_number(const char *text, const Values *values)
{
        const char *fallback, *end;
        char name[32];

        if (placeholders_find(text, name, &fallback, &end) != text || end[2] != '\0')
                return false;
        const Value *value = find_value(values, name);
        return value && value->is_number;
}

static json_t *fill_text(const char *text, const Values *values, Error *error)
{
        _cleanup_(bytes_done) Bytes filled = { .max = VALUE_MAX };
        char *rest;

        if (expand(text, values, &filled, error) < 0)
                return NULL;
        if (filled.size == 0 || !is_number(text, values))
                return json_stringn(filled.size > 0 ? filled.data : "", filled.size);
        const long long whole = strtoll(filled.data, &rest, 10);
        if (*rest == '\0')
                return json_integer(whole);
        const double real = strtod(filled.data, &rest);
        return *rest == '\0' ? json_real(real) : json_string(filled.data);
}

static json_t *fill(json_t *value, const Values *values, unsigned nesting, Error *error);

static json_t *fill_object(json_t *object, const Values *values, unsigned nesting, Error *error)
{
        json_t *filled = json_object(), *value;
        const char *name;

        json_object_foreach(object, name, value)
                if (filled && json_object_set_new(filled, name, fill(value, values, nesting, error)) < 0) {
                        json_decref(filled);
                        return NULL;
                }
        return filled;
}

static json_t *fill_array(json_t *array, const Values *values, unsigned nesting, Error *error)
{
        json_t *filled = json_array(), *value;
        size_t i;

        json_array_foreach(array, i, value)
                if (filled && json_array_append_new(filled, fill(value, values, nesting, error)) < 0) {
                        json_decref(filled);
                        return NULL;
                }
        return filled;
}

static json_t *fill(json_t *value, const Values *values, unsigned nesting, Error *error)
{
        if (nesting == NESTING_MAX) {
                (void)error_set(error, -EINVAL, "The workflow is nested too deeply");
                return NULL;
        }
        if (json_is_object(value))
                return fill_object(value, values, nesting + 1, error);
        if (json_is_array(value))
                return fill_array(value, values, nesting + 1, error);
        return json_is_string(value) ? fill_text(json_string_value(value), values, error) : json_incref(value);
}

json_t *workflow_fill(const Talk *talk, uint32_t count, uint64_t seed, const WorkflowFiles *files, Error *error)
{
        const Bytes *text = &talk->parts[NET_PART_WORKFLOW];
        _cleanup_(json_decrefp) json_t *root = text->size > 0 ? json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        Values values;

        if (!json_is_object(root)) {
                (void)error_set(error, -EINVAL, "The workflow is no JSON object");
                return NULL;
        }
        list_values(talk, count, seed, files, &values);
        json_t *filled = fill(root, &values, 0, error);
        if (!filled && error->code == 0)
                (void)error_set(error, -ENOMEM, "Out of memory");
        return filled;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "client/mcp/tools.h"
#include "client/option-json.h"

const Tool *const tool_table[] = { &tool_generate, &tool_enhance, &tool_models, &tool_picture };
const size_t n_tools = ELEMENTSOF(tool_table);

json_t *schema_object(json_t *properties, const char *required)
{
        json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);

        if (required)
                (void)json_object_set_new(schema, "required", json_pack("[s]", required));
        return schema;
}

void arguments_add_schema(json_t *properties, const Argument *table, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)json_object_set_new(properties, table[i].name,
                                          json_pack("{s:s, s:s}", "type", table[i].type, "description", table[i].description));
}

int arguments_read_options(json_t *arguments, const Argument *table, size_t n, Options *o, Error *error)
{
        json_t *value;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                if ((value = json_object_get(arguments, table[i].name)))
                        r = option_from_json(o, table[i].option, value, table[i].name, error);
        return r;
}

int arguments_read_count(json_t *arguments, unsigned max, Options *o, Error *error)
{
        const json_t *value = json_object_get(arguments, "count");
        const json_int_t count = value ? json_integer_value(value) : 1;

        if (count < 1 || count > max)
                return error_set(error, -EINVAL, "count is 1 to %u", max);
        o->count = (uint64_t)count;
        o->given[OPTION_COUNT] = true;
        return 0;
}

const char *arguments_find_unknown(json_t *arguments, json_t *schema)
{
        const json_t *properties = json_object_get(schema, "properties");
        const char *name;
        json_t *value;

        json_object_foreach(arguments, name, value)
                if (!json_object_get(properties, name))
                        return name;
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/mcp/tools.h"

const Tool *const tool_table[] = { &tool_generate, &tool_models, &tool_picture };
const size_t n_tools = ELEMENTSOF(tool_table);

json_t *schema_object(json_t *properties, const char *required)
{
        json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);

        if (required)
                (void)json_object_set_new(schema, "required", json_pack("[s]", required));
        return schema;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "client/extra-options.h"

/* In the form that json_from_u64() and the service's records have. */
static uint64_t integer_of(const json_t *value)
{
        return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : (uint64_t)json_integer_value(value);
}

static int append_loras_of(sd_bus_message *m, const json_t *loras)
{
        int r = sd_bus_message_open_container(m, 'a', "(sd)");

        for (size_t i = 0; r >= 0 && i < json_array_size(loras); i++)
                r = sd_bus_message_append(m, "(sd)", json_string_value(json_array_get(json_array_get(loras, i), 0)),
                                          json_number_value(json_array_get(json_array_get(loras, i), 1)));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const char *type, const json_t *value)
{
        const char *text = json_string_value(value);

        if (streq(type, "a(sd)"))
                return append_loras_of(m, value);
        if (streq(type, "(uuuu)"))
                return sd_bus_message_append(m, type, (uint32_t)json_integer_value(json_array_get(value, 0)),
                                             (uint32_t)json_integer_value(json_array_get(value, 1)),
                                             (uint32_t)json_integer_value(json_array_get(value, 2)),
                                             (uint32_t)json_integer_value(json_array_get(value, 3)));
        switch (type[0]) {
        case 'u':
                return sd_bus_message_append(m, "u", (uint32_t)integer_of(value));
        case 't':
                return sd_bus_message_append(m, "t", integer_of(value));
        case 'd':
                return sd_bus_message_append(m, "d", json_number_value(value));
        case 'b':
                return sd_bus_message_append(m, "b", (int)json_is_true(value));
        case 's':
                return sd_bus_message_append(m, "s", text ? text : "");
        default:
                return -EINVAL;
        }
}

int extra_options_append(sd_bus_message *m, const json_t *extra)
{
        const char *key;
        json_t *entry;
        int r = 0;

        json_object_foreach((json_t *)(uintptr_t)extra, key, entry)
        {
                const char *type = json_string_value(json_array_get(entry, 0));
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', key);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'v', type);
                if (r >= 0)
                        r = append_value(m, type, json_array_get(entry, 1));
                for (int depth = 0; r >= 0 && depth < 2; depth++)
                        r = sd_bus_message_close_container(m);
        }
        return r;
}

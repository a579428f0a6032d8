/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/util.h"
#include "service/enhance/get-prompt.h"

static int append_texts(sd_bus_message *reply, const json_t *texts)
{
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; i < json_array_size(texts) && r >= 0; i++) {
                const char *text = json_string_value(json_array_get(texts, i));
                r = sd_bus_message_append_basic(reply, 's', text ? text : "");
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_dictionary(sd_bus_message *reply, const json_t *object)
{
        const char *key;
        json_t *value;
        int r = sd_bus_message_open_container(reply, 'a', "{ss}");

        json_object_foreach((json_t *)object, key, value) {
                if (r >= 0 && json_is_string(value))
                        r = sd_bus_message_append(reply, "{ss}", key, json_string_value(value));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_dictionaries(sd_bus_message *reply, const json_t *objects)
{
        int r = sd_bus_message_open_container(reply, 'a', "a{ss}");

        for (size_t i = 0; i < json_array_size(objects) && r >= 0; i++)
                r = append_dictionary(reply, json_array_get(objects, i));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static bool has_objects(const json_t *array)
{
        return json_is_object(json_array_get(array, 0));
}

/* The type that a value has on the bus; NULL: none. */
static const char *type_of(const json_t *value)
{
        if (has_objects(value))
                return "aa{ss}";
        if (json_is_string(value))
                return "s";
        if (json_is_integer(value))
                return json_integer_value(value) >= 0 ? "t" : NULL;
        return json_is_array(value) ? "as" : json_is_object(value) ? "a{ss}" : NULL;
}

static int append_value(sd_bus_message *reply, const json_t *value)
{
        if (json_is_string(value))
                return sd_bus_message_append_basic(reply, 's', json_string_value(value));
        if (json_is_integer(value))
                return sd_bus_message_append(reply, "t", (uint64_t)json_integer_value(value));
        if (has_objects(value))
                return append_dictionaries(reply, value);
        return json_is_array(value) ? append_texts(reply, value) : append_dictionary(reply, value);
}

static int append_detail(sd_bus_message *reply, const char *key, const json_t *value)
{
        const char *type = type_of(value);

        if (!type || streq(key, "prompt"))
                return 0;
        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', type);
        if (r >= 0)
                r = append_value(reply, value);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append(sd_bus_message *reply, const json_t *result)
{
        const char *prompt = json_string_value(json_object_get(result, "prompt")), *key;
        json_t *value;

        int r = prompt ? sd_bus_message_append_basic(reply, 's', prompt) : -EIO;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        json_object_foreach((json_t *)result, key, value) {
                if (r >= 0)
                        r = append_detail(reply, key, value);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static json_t *load(const Picture *result)
{
        _cleanup_(freep) char *data = malloc(result->size + 1);

        if (!data || pread(result->fd, data, result->size, 0) != (ssize_t)result->size)
                return NULL;
        return json_loadb(data, result->size, 0, NULL);
}

int get_prompt_reply(sd_bus_message *call, const Picture *result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *value = load(result);

        int r = value ? sd_bus_message_new_method_return(call, &reply) : -EIO;
        if (r >= 0)
                r = append(reply, value);
        json_decref(value);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "records/records.h"
#include "service/options-private.h"

#define EXACT_MAX (UINT64_C(1) << 53) /* up to which every reader takes a number exactly */

static json_t *number_to_json(uint64_t value)
{
        char digits[24];

        (void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
        return value <= EXACT_MAX ? json_integer((json_int_t)value) : json_string(digits);
}

static json_t *value_to_json(const Options *options, const Option *option, const Value *value)
{
        if (option->to_json)
                return option->to_json(options);
        switch (option->type) {
        case 'u':
                return json_integer(value->u);
        case 't':
                return number_to_json(value->t);
        case 'd':
                return json_real(value->d);
        case 'b':
                return json_boolean(value->b);
        default:
                return json_string(value->s);
        }
}

json_t *options_to_json(const Options *options)
{
        json_t *object = json_object();
        Options plain = {};
        Value value;

        request_init(&plain.request);
        for (size_t i = 0; i < options_n && object; i++) {
                const Option *option = &options_table[i];
                if (!record_setting_is_valid(option->name) || !options_get(options, option, &plain, &value))
                        continue;
                if (json_object_set_new(object, option->name, value_to_json(options, option, &value)) < 0) {
                        json_decref(object);
                        return NULL;
                }
        }
        return object;
}

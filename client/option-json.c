/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "client/option-json.h"
#include "client/option-values.h"

#define NUMBER_TEXT_MAX 64

/* As somebody would type it; false for what is none. */
static bool format_number(json_t *value, char text[NUMBER_TEXT_MAX])
{
        const double number = json_number_value(value);

        if (json_is_integer(value))
                (void)snprintf(text, NUMBER_TEXT_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (!json_is_real(value) || !isfinite(number) || fabs(number) > 1e18)
                return false;
        else /* many programs have no integers */
                (void)snprintf(text, NUMBER_TEXT_MAX, nearbyint(number) == number ? "%.0f" : "%.6f", number);
        return true;
}

int option_from_json(Options *o, OptionId id, json_t *value, const char *name, Error *error)
{
        const bool is_flag = !option_table[id].argument;
        char number[NUMBER_TEXT_MAX];
        int r;

        if (is_flag) {
                if (!json_is_boolean(value))
                        return error_set(error, -EINVAL, "%s is true or false", name);
                if (json_is_false(value))
                        return 0;
        }
        if (json_is_string(value) || is_flag)
                r = option_read(o, id, json_string_value(value), error);
        else if (option_is_number(id) && format_number(value, number))
                r = option_read(o, id, number, error);
        else
                return error_set(error, -EINVAL, "%s is a %s", name, option_is_number(id) ? "number" : "text");
        if (r < 0)
                return error_prefix(error, "%s", name);
        o->given[id] = true;
        return 0;
}

int side_from_json(uint32_t *side, json_t *value, const char *name, Error *error)
{
        const double number = json_number_value(value);

        if (!json_is_number(value) || nearbyint(number) != number || number < 0 || number > REQUEST_SIZE_MAX)
                return error_set(error, -EINVAL, "%s is a number of pixels, at most %d", name, REQUEST_SIZE_MAX);
        *side = (uint32_t)number;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "base/utf8.h"
#include "base/util.h"
#include "config-fields.h"

static const char *check_text(const char *value)
{
        if (!value)
                return "must be a string in quotes";
        if (!utf8_is_valid(value, strlen(value)))
                return "must be UTF-8";
        for (const char *p = value; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return "must not have control characters";
        return NULL;
}

static const char *set_text(char *text, const ConfigField *field, const config_setting_t *setting)
{
        const char *value = config_setting_get_string(setting), *fault = check_text(value);

        if (fault)
                return fault;
        if (strlen(value) >= field->size)
                return "is too long";
        memcpy(text, value, strlen(value) + 1);
        return NULL;
}

static const char *set_words(Words *words, const config_setting_t *setting)
{
        *words = (Words) {};
        if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
                return "must be an array of strings: [\"a\", \"b\"]";
        for (int i = 0; i < config_setting_length(setting); i++) {
                const char *value = config_setting_get_string_elem(setting, i), *fault = check_text(value);

                int r = fault ? 0 : words_add(words, value);
                if (fault || r < 0)
                        return fault ? fault : r == -E2BIG ? "is too long" : "must not hold empty words";
        }
        return NULL;
}

static bool is_number(const config_setting_t *setting, double *ret)
{
        switch (config_setting_type(setting)) {
        case CONFIG_TYPE_INT:
                *ret = config_setting_get_int(setting);
                return true;
        case CONFIG_TYPE_FLOAT:
                *ret = config_setting_get_float(setting);
                return isfinite(*ret);
        default:
                return false;
        }
}

static const char *set_number(void *place, const ConfigField *field, const config_setting_t *setting)
{
        double value;

        if (!is_number(setting, &value) || (field->type == FIELD_NUMBER && config_setting_type(setting) != CONFIG_TYPE_INT))
                return field->type == FIELD_NUMBER ? "must be a whole number" : "must be a number";
        if (field->type == FIELD_MONEY) {
                *(int64_t *)place = money_from_units(value);
                return *(int64_t *)place < 0 ? "is out of its range" : NULL;
        }
        if (value < field->low || value > field->high)
                return "is out of its range";
        if (field->type == FIELD_REAL)
                *(double *)place = value;
        else
                *(uint32_t *)place = (uint32_t)value;
        return NULL;
}

static const char *set_field(void *place, const ConfigField *field, const config_setting_t *setting)
{
        place = (char *)place + field->offset;
        switch (field->type) {
        case FIELD_TEXT:
                return set_text(place, field, setting);
        case FIELD_WORDS:
                return set_words(place, setting);
        case FIELD_SWITCH:
                if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                        return "must be true or false";
                *(bool *)place = config_setting_get_bool(setting);
                return NULL;
        case FIELD_OTHER:
                return NULL;
        default:
                return set_number(place, field, setting);
        }
}

const char *config_read_group(
                void *place, const ConfigField *fields, size_t n, const config_setting_t *group, char buffer[static 256])
{
        for (int i = 0; i < config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
                const char *name = config_setting_name(setting), *fault = "is no key here";

                for (size_t j = 0; j < n; j++)
                        if (streq(fields[j].name, name))
                                fault = set_field(place, &fields[j], setting);
                if (fault) {
                        (void)snprintf(buffer, 256, "%.60s %s", name, fault);
                        return buffer;
                }
        }
        return NULL;
}

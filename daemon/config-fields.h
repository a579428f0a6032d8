/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Groups of a configuration file, read into plain structs by a table of their fields.
 *
 *     static const ConfigField fields[] = { { "name", FIELD_TEXT, CONFIG_PLACE(Server, name) }, … };
 *     const char *why = config_read_group(server, fields, ELEMENTSOF(fields), group, buffer); */

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/words.h"

typedef enum ConfigFieldType {
        FIELD_TEXT, /* char[] */
        FIELD_WORDS, /* Words: an array of strings */
        FIELD_SWITCH, /* bool */
        FIELD_NUMBER, /* uint32_t from low to high */
        FIELD_REAL, /* double from low to high */
        FIELD_MONEY, /* int64_t: millionths (base/money.h) of a number from 0 on */
        FIELD_OTHER, /* left to the caller */
} ConfigFieldType;

typedef struct ConfigField {
        const char *name;
        ConfigFieldType type;
        size_t offset, size;
        double low, high;
} ConfigField;

#define CONFIG_PLACE(type, field) offsetof(type, field), sizeof(((type *)NULL)->field)

/* NULL, or what is wrong with it, which may lie in the buffer. What the group does not name stays as it is. */
const char *config_read_group(
                void *place, const ConfigField *fields, size_t n, const config_setting_t *group, char buffer[static 256]);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/formats.h"
#include "client/settings.h"

#define NEGATIVE "\nNegative prompt: "
#define VALUES "Steps: "

/* Prompt, negative prompt, values: each begins in a line of its own. */
static int take_apart(Settings *s)
{
        const char *values = strncmp(s->text, VALUES, strlen(VALUES)) == 0 ? s->text : NULL;

        for (const char *at = s->text; (at = strstr(at, "\n" VALUES)); at++)
                values = at + 1;
        if (!values)
                return 0;

        const size_t before = (size_t)(values - s->text);
        _cleanup_(freep) char *head = strndup(s->text, before > 0 ? before - 1 : 0);
        if (!head)
                return -ENOMEM;
        char *negative = strncmp(head, &NEGATIVE[1], strlen(NEGATIVE) - 1) == 0 ? head : strstr(head, NEGATIVE);
        s->negative = strdup(negative ? negative + strlen(NEGATIVE) - (negative == head && *head != '\n') : "");
        if (negative)
                *negative = '\0';
        s->prompt = strdup(head);
        s->values = strdup(values);
        return s->prompt && s->negative && s->values ? 1 : -ENOMEM;
}

int settings_find(const void *data, size_t size, Settings *ret)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        _cleanup_(metadata_done) Metadata metadata = { 0 };

        int r = metadata_read(data, size, &metadata);
        if (r > 0)
                r = formats_read(&metadata, &settings.text, &settings.program);
        if (r > 0)
                r = take_apart(&settings);
        if (r <= 0)
                return r;
        *ret = settings;
        settings = (Settings) { 0 };
        return 1;
}

void settings_done(Settings *settings)
{
        free(settings->text);
        free(settings->prompt);
        free(settings->negative);
        free(settings->values);
        *settings = (Settings) { 0 };
}

/* A string of JSON that is all of the value: its text, or NULL. */
static char *unquote(const char *text, size_t *ret_length)
{
        json_error_t error;
        json_t *string = *text == '"' ? json_loads(text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error) : NULL;
        const bool is_all = json_is_string(string) && strchr(",\n", text[error.position]);
        char *value = is_all ? strdup(json_string_value(string)) : NULL;

        if (value)
                *ret_length = (size_t)error.position;
        json_decref(string);
        return value;
}

int settings_next(const char **at, char **ret_name, char **ret_value)
{
        while (*at && **at) {
                const char *name = *at + strspn(*at, ", \n");
                const size_t name_length = strcspn(name, ":,\n");
                if (name[name_length] != ':') {
                        *at = name + name_length;
                        continue;
                }
                const char *value = name + name_length + 1 + (name[name_length + 1] == ' ');
                size_t length = strcspn(value, ",\n");
                char *unquoted = unquote(value, &length);
                *ret_value = unquoted ? unquoted : strndup(value, length);
                *ret_name = strndup(name, name_length);
                *at = value + length;
                if (*ret_name && *ret_value)
                        return 1;
                freep(ret_name);
                freep(ret_value);
                return -ENOMEM;
        }
        return 0;
}

bool settings_value(const Settings *settings, const char *name, char *buffer, size_t size)
{
        bool found = false;
        char *key, *value;

        for (const char *at = settings->values; !found && settings_next(&at, &key, &value) > 0;) {
                found = streq(key, name);
                if (found)
                        (void)snprintf(buffer, size, "%s", value);
                free(key);
                free(value);
        }
        return found;
}

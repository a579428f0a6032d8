/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/client.h"
#include "client/json.h"

#define EXACT_MAX (UINT64_C(1) << 53)

json_t *json_from_u64(uint64_t value)
{
        char digits[24];

        if (value <= EXACT_MAX)
                return json_integer((json_int_t)value);
        (void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
        return json_string(digits);
}

json_t *json_from_text(const char *text)
{
        _cleanup_(freep) char *copy = strdup(text);

        if (!copy)
                return NULL;
        utf8_sanitize(copy);
        return json_string(copy);
}

/* *ret stays NULL for a type without a form in JSON. */
static int read_basic(sd_bus_message *m, char type, json_t **ret)
{
        union {
                const char *s;
                int b;
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } v;

        if (!strchr("sogbynqiuxtd", type))
                return sd_bus_message_skip(m, NULL);

        int r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_from_text(v.s);
                break;
        case 'b':
                *ret = json_boolean(v.b);
                break;
        case 'd':
                *ret = isfinite(v.d) ? json_real(v.d) : json_null();
                break;
        case 't':
                *ret = json_from_u64(v.t);
                break;
        default:
                *ret = json_integer(
                        type == 'y'   ? (json_int_t)v.y
                        : type == 'n' ? (json_int_t)v.n
                        : type == 'q' ? (json_int_t)v.q
                        : type == 'i' ? (json_int_t)v.i
                        : type == 'u' ? (json_int_t)v.u
                                      : (json_int_t)v.x);
        }
        return *ret ? 0 : -ENOMEM;
}

/* An array of strings, inside its variant. */
static int read_texts(sd_bus_message *m, json_t **ret)
{
        const char *text;

        *ret = json_array();
        int r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &text)) > 0)
                (void)json_array_append_new(*ret, json_from_text(text));
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_text_entries(sd_bus_message *m, json_t **ret)
{
        const char *key, *text;

        *ret = json_object();
        int r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &text)) > 0)
                (void)json_object_set_new(*ret, key, json_from_text(text));
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_entry(sd_bus_message *m, json_t *object)
{
        const char *key, *contents;
        json_t *value = NULL;
        char type;

        int r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        const bool is_texts = streq(contents, "as"), is_text_entries = streq(contents, "a{ss}");
        if (strlen(contents) != 1 && !is_texts && !is_text_entries)
                return sd_bus_message_skip(m, "v");

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        r = is_texts ? read_texts(m, &value) : is_text_entries ? read_text_entries(m, &value) : read_basic(m, contents[0], &value);
        if (r < 0) {
                json_decref(value);
                return r;
        }
        if (value && json_object_set_new(object, key, value) < 0)
                return -ENOMEM;
        return sd_bus_message_exit_container(m);
}

int json_read_dict(sd_bus_message *m, json_t **ret)
{
        json_t *object = json_object();
        int r;

        if (!object)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_entry(m, object);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(object);
                return r;
        }
        *ret = object;
        return 0;
}

/* Before anything recursive sees it. */
static bool is_too_deep(const char *text, size_t size, int most)
{
        bool is_string = false;
        int depth = 0;

        for (size_t i = 0; i < size; i++) {
                if (is_string) {
                        if (text[i] == '\\')
                                i++;
                        else if (text[i] == '"')
                                is_string = false;
                } else if (text[i] == '"') {
                        is_string = true;
                } else if (text[i] == '{' || text[i] == '[') {
                        if (++depth > most)
                                return true;
                } else if (text[i] == '}' || text[i] == ']') {
                        depth--;
                }
        }
        return false;
}

json_t *json_parse_bounded(const char *text, size_t size, int depth_max)
{
        return is_too_deep(text, size, depth_max) ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

void json_clean_texts(json_t *value)
{
        const char *key;
        json_t *each;
        size_t i;

        json_object_foreach(value, key, each)
                json_clean_texts(each);
        json_array_foreach(value, i, each)
                json_clean_texts(each);
        if (!json_is_string(value))
                return;
        char *text = strdup(json_string_value(value));
        if (text) {
                client_clean_text(text);
                (void)json_string_set(value, text);
        }
        free(text);
}

ExitCode json_print(json_t *object)
{
        int r = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

        json_decref(object);
        if (r < 0 || putchar('\n') == EOF || fflush(stdout) == EOF) {
                (void)fprintf(stderr, "imagine: cannot write to stdout\n");
                return CODE_FAILED;
        }
        return CODE_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/json-reader.h"

#define CONFIG_SIZE_MAX (1U << 20)

int json_reader_open(JsonReader *ret, const char *path, Error *error)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        int r = mapped_file_open(&file, path, CONFIG_SIZE_MAX, error);
        if (r < 0)
                return r;

        json_error_t json_error;
        json_t *root = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &json_error);
        if (!root)
                return error_set(error, -EBADMSG, "%s: line %d: %s", path, json_error.line, json_error.text);

        char *copy = strdup(path);
        if (!json_is_object(root) || !copy) {
                r = copy ? error_set(error, -EBADMSG, "%s: not a JSON object", path)
                         : error_set(error, -ENOMEM, "%s: out of memory", path);
                json_decref(root);
                free(copy);
                return r;
        }

        *ret = (JsonReader) { .path = copy, .root = root, .error = error };
        return 0;
}

void json_reader_done(JsonReader *json)
{
        json_decref(json->root);
        free(json->path);
        *json = (JsonReader) {};
}

int json_fail(JsonReader *json, int code, const char *key, const char *format, ...)
{
        if (json->result < 0)
                return json->result;

        char what[ERROR_TEXT_MAX / 2];
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);

        json->result = error_set(json->error, code, "%s: %s: %s", json->path, key, what);
        return json->result;
}

/* The value, or NULL if it is absent or null. */
static const json_t *find(const JsonReader *json, const char *key)
{
        const json_t *value = json->result < 0 ? NULL : json_object_get(json->root, key);
        return json_is_null(value) ? NULL : value;
}

static bool read_u32(JsonReader *json, const char *key, const json_t *value, uint32_t low, uint32_t high,
                     uint32_t *ret)
{
        if (!json_is_integer(value)) {
                json_fail(json, -EBADMSG, key, "not a whole number");
                return false;
        }
        json_int_t n = json_integer_value(value);
        if (n < (json_int_t)low || n > (json_int_t)high) {
                json_fail(json, -EBADMSG, key, "%" JSON_INTEGER_FORMAT " is not between %u and %u", n, low,
                          high);
                return false;
        }
        *ret = (uint32_t)n;
        return true;
}

uint32_t json_u32(JsonReader *json, const char *key, uint32_t absent, uint32_t low, uint32_t high)
{
        const json_t *value = find(json, key);
        uint32_t n = absent;

        if (value)
                (void)read_u32(json, key, value, low, high, &n);
        return n;
}

double json_number(JsonReader *json, const char *key, double absent, double low, double high)
{
        const json_t *value = find(json, key);
        if (!value)
                return absent;

        double x = json_number_value(value);
        if (!json_is_number(value))
                json_fail(json, -EBADMSG, key, "not a number");
        else if (!(x >= low && x <= high))
                json_fail(json, -EBADMSG, key, "%g is not between %g and %g", x, low, high);
        else
                return x;
        return absent;
}

bool json_bool(JsonReader *json, const char *key, bool absent)
{
        const json_t *value = find(json, key);
        if (!value)
                return absent;
        if (!json_is_boolean(value))
                json_fail(json, -EBADMSG, key, "neither true nor false");
        return json_is_true(value);
}

void json_text(JsonReader *json, const char *key, const char *absent, char *ret, size_t size)
{
        const json_t *value = find(json, key);
        const char *text = value ? json_string_value(value) : absent;

        if (!text)
                json_fail(json, -EBADMSG, key, "not a string");
        else if (strlen(text) >= size)
                json_fail(json, -EBADMSG, key, "longer than %zu bytes", size - 1);
        else if (!utf8_is_valid(text, strlen(text))) /* it could not be told */
                json_fail(json, -EBADMSG, key, "has what is no character");
        else
                memcpy(ret, text, strlen(text) + 1);
}

static int choose(JsonReader *json, const char *key, int absent, const char *const *names,
                  const json_t *value)
{
        const char *text = json_string_value(value);

        for (int i = 0; text && names[i]; i++)
                if (streq(text, names[i]))
                        return i;
        if (text)
                json_fail(json, -EOPNOTSUPP, key, "\"%.60s\" is not supported", text);
        else
                json_fail(json, -EBADMSG, key, "not a string");
        return absent;
}

int json_choice(JsonReader *json, const char *key, int absent, const char *const *names)
{
        const json_t *value = find(json, key);

        return value ? choose(json, key, absent, names, value) : absent;
}

uint32_t json_choice_list(JsonReader *json, const char *key, const char *const *names, int *ret,
                          uint32_t max)
{
        const json_t *value = find(json, key);
        if (!value)
                return 0;
        if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > max) {
                json_fail(json, -EBADMSG, key, "not a list of 1 to %u strings", max);
                return 0;
        }

        uint32_t n = (uint32_t)json_array_size(value);
        for (uint32_t i = 0; i < n; i++)
                ret[i] = choose(json, key, 0, names, json_array_get(value, i));
        return n;
}

uint32_t json_u32_list(JsonReader *json, const char *key, uint32_t low, uint32_t high, uint32_t *ret,
                       uint32_t max)
{
        const json_t *value = find(json, key);
        if (!value)
                return 0;
        if (!json_is_array(value) || json_array_size(value) < 1 || json_array_size(value) > max) {
                json_fail(json, -EBADMSG, key, "not a list of 1 to %u numbers", max);
                return 0;
        }

        uint32_t n = (uint32_t)json_array_size(value);
        for (uint32_t i = 0; i < n; i++)
                if (!read_u32(json, key, json_array_get(value, i), low, high, &ret[i]))
                        return 0;
        return n;
}

void json_u32_each(JsonReader *json, const char *key, uint32_t absent, uint32_t low, uint32_t high,
                   uint32_t *ret, uint32_t n)
{
        if (json_is_array(find(json, key))) {
                uint32_t found = json_u32_list(json, key, low, high, ret, n);
                if (found != n)
                        json_fail(json, -EBADMSG, key, "%u numbers for %u levels", found, n);
                return;
        }

        uint32_t all = json_u32(json, key, absent, low, high);
        for (uint32_t i = 0; i < n; i++)
                ret[i] = all;
}

static bool values_equal(const json_t *a, const json_t *b)
{
        if (json_is_number(a) && json_is_number(b))
                return json_number_value(a) == json_number_value(b);
        return json_equal(a, b);
}

bool json_is(const JsonReader *json, const char *key, const char *only)
{
        const json_t *value = find(json, key);
        if (!value)
                return true;

        json_t *wanted = only ? json_loads(only, JSON_DECODE_ANY, NULL) : NULL;
        bool equal = wanted && values_equal(value, wanted);
        json_decref(wanted);
        return equal;
}

bool json_is_text(const JsonReader *json, const char *key, const char *text)
{
        const char *value = json_string_value(find(json, key));
        return value && strcmp(value, text) == 0;
}

void json_only(JsonReader *json, const char *key, const char *only)
{
        if (json_is(json, key, only))
                return;

        char *found = json_dumps(find(json, key), JSON_ENCODE_ANY | JSON_COMPACT);
        json_fail(json, -EOPNOTSUPP, key, "%.60s is not supported", found ? found : "this value");
        free(found);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/request.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/values.h"

#define DIGITS "0123456789"

int value_parse_integer(const char *text, uint64_t low, uint64_t high, uint64_t *ret, Error *error)
{
        if (text[0] == '\0' || text[strspn(text, DIGITS)] != '\0')
                return error_set(error, -EINVAL, _("'%s' is not a whole number"), text);

        errno = 0;
        unsigned long long value = strtoull(text, NULL, 10);
        if (errno != 0 || value < low || value > high)
                return error_set(error, -EINVAL, _("%s is not between %llu and %llu"), text,
                                 (unsigned long long)low, (unsigned long long)high);
        *ret = value;
        return 0;
}

int value_parse_number(const char *text, double low, double high, double *ret, Error *error)
{
        char *end;

        /* strtod would take space, hexadecimal, infinities and what is no number, too. */
        if (text[0] == '\0' || text[strspn(text, DIGITS ".eE+-")] != '\0')
                return error_set(error, -EINVAL, _("'%s' is not a number"), text);
        double value = strtod(text, &end);
        if (*end != '\0')
                return error_set(error, -EINVAL, _("'%s' is not a number"), text);
        if (!(value >= low && value <= high))
                return error_set(error, -EINVAL, _("%s is not between %g and %g"), text, low, high);
        *ret = value;
        return 0;
}

/* Two whole numbers with a separator between them. */
static int parse_pair(const char *text, char separator, uint64_t low, uint64_t high, uint64_t ret[2],
                      Error *error)
{
        const char *middle = strchr(text, separator);
        char first[24];
        uint64_t pair[2];

        if (!middle || (size_t)(middle - text) >= sizeof(first))
                return error_set(error, -EINVAL, _("'%s' has not the form A%cB"), text, separator);
        memcpy(first, text, (size_t)(middle - text));
        first[middle - text] = '\0';

        int r = value_parse_integer(first, low, high, &pair[0], error);
        if (r < 0)
                return r;
        r = value_parse_integer(middle + 1, low, high, &pair[1], error);
        if (r < 0)
                return r;
        memcpy(ret, pair, sizeof(pair));
        return 0;
}

int value_parse_size(const char *text, uint32_t *ret_width, uint32_t *ret_height, Error *error)
{
        uint64_t size[2];

        int r = parse_pair(text, 'x', REQUEST_SIZE_MIN, REQUEST_SIZE_MAX, size, error);
        if (r < 0)
                return r;
        *ret_width = (uint32_t)size[0];
        *ret_height = (uint32_t)size[1];
        return 0;
}

int value_parse_aspect(const char *text, double *ret, Error *error)
{
        uint64_t parts[2];

        int r = parse_pair(text, ':', 1, 10000, parts, error);
        if (r < 0)
                return r;
        double aspect = (double)parts[0] / (double)parts[1];
        if (aspect < 1.0 / 16 || aspect > 16)
                return error_set(error, -EINVAL, _("%s is not between 1:16 and 16:1"), text);
        *ret = aspect;
        return 0;
}

int value_parse_interval(const char *text, double low, double high, double ret[2], Error *error)
{
        const char *middle = strchr(text, ':');
        char first[24];
        double from, to;

        if (!middle || (size_t)(middle - text) >= sizeof(first))
                return error_set(error, -EINVAL, _("'%s' has not the form A:B"), text);
        memcpy(first, text, (size_t)(middle - text));
        first[middle - text] = '\0';

        int r = value_parse_number(first, low, high, &from, error);
        if (r >= 0)
                r = value_parse_number(middle + 1, low, high, &to, error);
        if (r < 0)
                return r;
        if (from > to)
                return error_set(error, -EINVAL, _("%s ends before it begins"), text);
        ret[0] = from;
        ret[1] = to;
        return 0;
}

/* "left:128", of which `size` bytes are given. */
static int parse_side(const char *text, size_t size, uint32_t high, uint32_t ret[SIDE_MAX], Error *error)
{
        char digits[24];
        uint64_t value;

        for (int i = 0; i < SIDE_MAX; i++) {
                const size_t name = strlen(canvas_side_to_string((CanvasSide)i)), rest = size - MIN(size, name + 1);
                if (strncmp(text, canvas_side_to_string((CanvasSide)i), name) != 0 || text[name] != ':' || rest >= sizeof(digits))
                        continue;
                memcpy(digits, text + name + 1, rest);
                digits[rest] = '\0';
                if (ret[i] > 0)
                        return error_set(error, -EINVAL, _("%s twice"), canvas_side_to_string((CanvasSide)i));
                int r = value_parse_integer(digits, 1, high, &value, error);
                if (r >= 0)
                        ret[i] = (uint32_t)value;
                return r;
        }
        return error_set(error, -EINVAL, _("'%.*s' is not left, right, up or down with pixels, such as left:128"),
                         (int)MIN(size, (size_t)64), text);
}

int value_parse_sides(const char *text, uint32_t high, uint32_t ret[SIDE_MAX], Error *error)
{
        uint32_t sides[SIDE_MAX] = { 0 };

        for (;; text++) {
                const size_t size = strcspn(text, ",");
                int r = parse_side(text, size, high, sides, error);
                if (r < 0)
                        return r;
                text += size;
                if (*text == '\0')
                        break;
        }
        memcpy(ret, sides, sizeof(sides));
        return 0;
}

int value_parse_duration(const char *text, uint64_t max, uint64_t *ret, Error *error)
{
        static const struct {
                char unit;
                uint64_t seconds;
        } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
        size_t length = strlen(text);
        uint64_t factor = 1, value;
        char digits[24];

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (length > 1 && text[length - 1] == units[i].unit) {
                        factor = units[i].seconds;
                        length--;
                        break;
                }
        if (length >= sizeof(digits))
                return error_set(error, -EINVAL, _("'%s' is not a duration"), text);
        memcpy(digits, text, length);
        digits[length] = '\0';

        int r = value_parse_integer(digits, 0, UINT64_MAX, &value, error);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(value, factor, &value) || value > max)
                return error_set(error, -EINVAL, _("%s is longer than %llu seconds"), text,
                                 (unsigned long long)max);
        *ret = value;
        return 0;
}

static bool parse_day(const char *text, uint64_t *ret)
{
        struct tm day = { .tm_isdst = -1 };
        const char *end = strptime(text, "%Y-%m-%d", &day);
        const time_t time = end && *end == '\0' ? mktime(&day) : -1;

        if (time < 0)
                return false;
        *ret = (uint64_t)time * USEC_PER_SEC;
        return true;
}

int value_parse_time(const char *text, uint64_t *ret, Error *error)
{
        static const struct {
                char unit;
                uint64_t days;
        } units[] = { { 'd', 1 }, { 'w', 7 } };
        const uint64_t now = clock_usec(CLOCK_REALTIME), most = now / USEC_PER_SEC;
        const size_t length = strlen(text);
        char digits[24] = "";
        uint64_t seconds, n;

        if (parse_day(text, ret))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (length < 2 || length > sizeof(digits) || text[length - 1] != units[i].unit)
                        continue;
                memcpy(digits, text, length - 1);
                if (value_parse_integer(digits, 0, most / 86400 / units[i].days, &n, NULL) < 0)
                        break;
                *ret = now - n * units[i].days * 86400 * USEC_PER_SEC;
                return 0;
        }
        if (value_parse_duration(text, most, &seconds, NULL) < 0)
                return error_set(error, -EINVAL, _("'%s' is neither a date like 2026-11-22 nor a time ago like 7d"), text);
        *ret = now - seconds * USEC_PER_SEC;
        return 0;
}

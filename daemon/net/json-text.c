/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"
#include "net/json-text.h"

#define ESCAPE_SIZE 6 /* \uXXXX */
#define NO_ESCAPE -1

/* The UTF-16 unit of an escape; NO_ESCAPE: there is none. */
static long unit_of(const char *text)
{
        char digits[5] = "";

        if (text[0] != '\\' || text[1] != 'u')
                return NO_ESCAPE;
        for (size_t i = 0; i < 4; i++) {
                digits[i] = text[2 + i];
                if (!isxdigit((unsigned char)digits[i]))
                        return NO_ESCAPE;
        }
        return strtol(digits, NULL, 16);
}

static bool is_high(long unit)
{
        return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(long unit)
{
        return unit >= 0xdc00 && unit <= 0xdfff;
}

static const char replacement[] = { '\\', 'u', 'f', 'f', 'f', 'd' };

/* Outside of strings, where no backslash may be, the parser complains afterwards. */
static void mend_escapes(char *text)
{
        while ((text = strchr(text, '\\'))) {
                const long unit = unit_of(text);

                if (unit == NO_ESCAPE) {
                        text += text[1] ? 2 : 1;
                } else if (is_high(unit) && is_low(unit_of(text + ESCAPE_SIZE))) {
                        text += 2 * ESCAPE_SIZE;
                } else {
                        if (unit == 0 || is_high(unit) || is_low(unit))
                                memcpy(text, replacement, sizeof(replacement));
                        text += ESCAPE_SIZE;
                }
        }
}

json_t *json_text_load(const char *data, size_t size)
{
        json_t *root = size > 0 ? json_loadb(data, size, 0, NULL) : NULL;

        if (root || size == 0 || memchr(data, '\0', size))
                return root;
        _cleanup_(freep) char *copy = malloc(size + 1);
        if (!copy)
                return NULL;
        memcpy(copy, data, size);
        copy[size] = '\0';
        utf8_sanitize(copy);
        mend_escapes(copy);
        return json_loads(copy, 0, NULL);
}

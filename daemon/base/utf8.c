/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* The length of the well-formed sequence at the start, 0 if there is none, -1 if it is right so far but cut off. */
static int sequence_length(const uint8_t *s, size_t left)
{
        if (s[0] < 0x80)
                return 1;

        int length = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
        /* The second byte excludes overlong forms, surrogates and what lies above U+10FFFF. */
        uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
        uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

        for (int i = 1; i < length; i++) {
                if ((size_t)i >= left)
                        return -1;
                if (s[i] < low || s[i] > high)
                        return 0;
                low = 0x80;
                high = 0xbf;
        }
        return length;
}

static bool is_noncharacter(const uint8_t *s, int length)
{
        uint32_t c = s[0] & (0x7f >> length);

        for (int i = 1; i < length; i++)
                c = c << 6 | (s[i] & 0x3f);
        return (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

static int character_length(const uint8_t *s, size_t left)
{
        const int n = sequence_length(s, left);

        return n > 2 && is_noncharacter(s, n) ? 0 : n;
}

typedef int (*length_t)(const uint8_t *s, size_t left);

static bool is_made_of(length_t length, const char *text, size_t size)
{
        const uint8_t *s = (const uint8_t *)text;

        for (size_t i = 0; i < size;) {
                int n = length(s + i, size - i);
                if (n <= 0)
                        return false;
                i += (size_t)n;
        }
        return true;
}

bool utf8_is_well_formed(const char *text, size_t size)
{
        return is_made_of(sequence_length, text, size);
}

bool utf8_is_valid(const char *text, size_t size)
{
        return is_made_of(character_length, text, size);
}

size_t utf8_cut(const char *text, size_t size, size_t most)
{
        if (size <= most)
                return size;
        while (most > 0 && ((uint8_t)text[most] & 0xc0) == 0x80)
                most--;
        return most;
}

void utf8_sanitize(char *text)
{
        size_t size = strlen(text);

        for (size_t i = 0; i < size;) {
                int n = character_length((const uint8_t *)text + i, size - i);
                if (n > 0) {
                        i += (size_t)n;
                } else if (n < 0) {
                        text[i] = '\0';
                        return;
                } else {
                        text[i++] = '?';
                }
        }
}

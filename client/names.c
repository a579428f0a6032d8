/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/names.h"

static bool is_plain(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* U+0300 to U+036F, what a decomposed letter carries. */
static bool is_accent(const uint8_t *s, size_t left)
{
        return left >= 2 && ((s[0] == 0xcc && s[1] >= 0x80) || (s[0] == 0xcd && s[1] <= 0xaf));
}

/* Letters of the Latin script that no decomposition takes apart; NULL for all others. Each is two bytes
 * long. */
static const char *spelled_out(const uint8_t *s, size_t left)
{
        static const struct {
                const char letter[3], ascii[3];
        } letters[] = { { "ß", "ss" }, { "æ", "ae" }, { "Æ", "ae" }, { "œ", "oe" },
                        { "Œ", "oe" }, { "ø", "o" },  { "Ø", "o" },  { "ł", "l" },
                        { "Ł", "l" },  { "đ", "d" },  { "Đ", "d" },  { "ð", "d" },
                        { "Ð", "d" },  { "þ", "th" }, { "Þ", "th" }, { "ı", "i" } };

        for (size_t i = 0; left >= 2 && i < ELEMENTSOF(letters); i++)
                if (memcmp(s, letters[i].letter, 2) == 0)
                        return letters[i].ascii;
        return NULL;
}

/* Words of the decomposed text, up to three bytes more than may stay, so that a cut can be seen. */
static size_t collect(const uint8_t *text, size_t length, char out[WORDS_MAX + 4])
{
        size_t n = 0;
        bool gap = false;

        for (size_t i = 0; i < length && n <= WORDS_MAX; i++) {
                char letter[2] = { (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A')
                                                                           : text[i]) };
                const char *ascii = spelled_out(text + i, length - i);

                if (is_accent(text + i, length - i)) {
                        i++;
                        continue;
                }
                if (letter[0] == '\'') /* don't, fox's */
                        continue;
                if (!ascii && !is_plain((uint8_t)letter[0])) {
                        gap = true;
                        continue;
                }
                if (gap && n > 0)
                        out[n++] = '-';
                gap = false;
                i += ascii ? 1 : 0;
                for (const char *s = ascii ? ascii : letter; *s; s++)
                        out[n++] = *s;
        }
        return n;
}

char *name_from_prompt(const char *prompt)
{
        size_t length = 0;
        _cleanup_(freep) uint8_t *text =
                u8_normalize(UNINORM_NFKD, (const uint8_t *)prompt, strlen(prompt), NULL, &length);
        char words[WORDS_MAX + 5];

        size_t n = text ? collect(text, length, words) : 0;
        if (n > WORDS_MAX) {
                n = WORDS_MAX;
                /* After a whole word, unless that leaves next to nothing. */
                const char *dash = memrchr(words, '-', n + 1);
                if (dash && dash - words >= WORDS_MAX / 2)
                        n = (size_t)(dash - words);
        }
        words[n] = '\0';
        return strdup(n > 0 ? words : "picture");
}

char *name_for_seed(const char *words, uint64_t seed, unsigned attempt, const char *extension)
{
        char *name;
        int r = attempt > 1 ? asprintf(&name, "%s-%" PRIu64 "-%u.%s", words, seed, attempt, extension)
                            : asprintf(&name, "%s-%" PRIu64 ".%s", words, seed, extension);
        return r < 0 ? NULL : name;
}

char *name_numbered(const char *name, unsigned number)
{
        const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
        const char *dot = strrchr(base, '.');
        char *result;

        if (number == 0)
                return strdup(name);
        if (!dot || dot == base)
                dot = name + strlen(name);
        return asprintf(&result, "%.*s-%u%s", (int)(dot - name), name, number, dot) < 0 ? NULL : result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "service/remote/mention.h"

/* Runs of spaces become one: a phrase may be broken anywhere. */
static void squeeze(uint8_t *text, size_t *size)
{
        size_t n = 0;

        for (size_t i = 0; i < *size;) {
                ucs4_t c;
                int length = u8_mbtouc(&c, text + i, *size - i);
                if (uc_is_property_white_space(c)) {
                        if (n > 0 && text[n - 1] != ' ')
                                text[n++] = ' ';
                } else {
                        memmove(text + n, text + i, (size_t)length);
                        n += (size_t)length;
                }
                i += (size_t)length;
        }
        while (n > 0 && text[n - 1] == ' ')
                n--;
        *size = n;
}

/* As it is compared. NULL: no memory. */
static uint8_t *fold(const char *text, size_t size, size_t *ret_size)
{
        uint8_t *folded = u8_casefold((const uint8_t *)text, size, NULL, UNINORM_NFKC, NULL, ret_size);

        if (folded)
                squeeze(folded, ret_size);
        return folded;
}

static bool is_edge_before(const uint8_t *text, const uint8_t *at)
{
        ucs4_t before;

        return !u8_prev(&before, at, text) || !(uc_is_alnum(before) || before == '_');
}

static bool is_edge_after(const uint8_t *at, size_t left)
{
        ucs4_t after;

        if (left == 0)
                return true;
        (void)u8_mbtouc(&after, at, left);
        return !(uc_is_alnum(after) || after == '_');
}

/* Both folded. */
static bool has_word(const uint8_t *text, size_t size, const uint8_t *word, size_t n)
{
        const uint8_t *end = text + size;

        if (n == 0)
                return false;
        for (const uint8_t *at = text; (at = memmem(at, (size_t)(end - at), word, n)); at++)
                if (is_edge_before(text, at) && is_edge_after(at + n, (size_t)(end - at) - n))
                        return true;
        return false;
}

/* Without memory it is as if it did: what must not leave then stays. */
static bool mentions_in(const Words *words, const char *text, char ret[static 64])
{
        size_t size = 0, n;
        _cleanup_(freep) uint8_t *folded = fold(text, strlen(text), &size);

        for (const char *word = words_first(words, &n); word; word = words_next(word, &n)) {
                size_t folded_n = 0;
                _cleanup_(freep) uint8_t *folded_word = fold(word, n, &folded_n);
                if (folded && folded_word && !has_word(folded, size, folded_word, folded_n))
                        continue;
                (void)snprintf(ret, 64, "%.*s", (int)(n < 63 ? n : 63), word);
                utf8_sanitize(ret);
                return true;
        }
        return false;
}

bool mentions(const Words *words, const char *const *texts, size_t n, char ret[static 64])
{
        for (size_t i = 0; i < n; i++)
                if (*texts[i] && mentions_in(words, texts[i], ret))
                        return true;
        return false;
}

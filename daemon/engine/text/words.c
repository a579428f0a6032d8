/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/text/words.h"

static bool has_category(ucs4_t c, uint32_t categories)
{
        return uc_is_general_category_withtable(c, categories);
}

static bool is_dropped(ucs4_t c)
{
        if (c == '\t' || c == '\n' || c == '\r')
                return false;
        return c == 0xfffd || has_category(c, UC_CATEGORY_MASK_C);
}

static bool is_space(ucs4_t c)
{
        return uc_is_property_white_space(c);
}

/* The blocks that transformers' BasicTokenizer takes for Chinese: unified and compatibility ideographs. */
static bool is_ideograph(ucs4_t c)
{
        static const ucs4_t ranges[][2] = {
                { 0x4e00, 0x9fff },   { 0x3400, 0x4dbf },   { 0x20000, 0x2a6df }, { 0x2a700, 0x2b73f },
                { 0x2b740, 0x2b81f }, { 0x2b820, 0x2ceaf }, { 0xf900, 0xfaff },   { 0x2f800, 0x2fa1f },
        };

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (c >= ranges[i][0] && c <= ranges[i][1])
                        return true;
        return false;
}

/* Drops, sets apart, and makes every space a plain one. ret has room for 3 * n. */
static size_t clean(const ucs4_t *text, size_t n, ucs4_t *ret)
{
        size_t k = 0;

        for (size_t i = 0; i < n; i++) {
                if (is_dropped(text[i]))
                        continue;
                if (is_ideograph(text[i])) {
                        ret[k++] = ' ';
                        ret[k++] = text[i];
                        ret[k++] = ' ';
                } else {
                        ret[k++] = is_space(text[i]) ? ' ' : text[i];
                }
        }
        return k;
}

/* Case folding can lead to an "s" from elsewhere than "S": U+017F, the long s. */
static bool equals_in_any_case(ucs4_t c, char plain)
{
        return c == (ucs4_t)plain || (plain == 's' && c == 0x17f);
}

/* The length of the word's part that the pattern has literally, 0 if it has none there. */
static size_t match_literal(const ucs4_t *text, size_t left)
{
        static const char *const literals[] = {
                "<|startoftext|>", "<|endoftext|>", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d",
        };

        for (size_t i = 0; i < ELEMENTSOF(literals); i++) {
                const char *literal = literals[i];
                size_t n = 0;
                while (literal[n] && n < left && equals_in_any_case(text[n], literal[n]))
                        n++;
                if (!literal[n])
                        return n;
        }
        return 0;
}

typedef enum Kind {
        KIND_SPACE,
        KIND_LETTER,
        KIND_NUMBER,
        KIND_OTHER,
} Kind;

static Kind kind_of(ucs4_t c)
{
        if (is_space(c))
                return KIND_SPACE;
        if (has_category(c, UC_CATEGORY_MASK_L))
                return KIND_LETTER;
        return has_category(c, UC_CATEGORY_MASK_N) ? KIND_NUMBER : KIND_OTHER;
}

static size_t match_word(const ucs4_t *text, size_t left)
{
        size_t n = match_literal(text, left);
        if (n > 0)
                return n;

        Kind kind = kind_of(text[0]);
        for (n = 1; kind != KIND_NUMBER && n < left && kind_of(text[n]) == kind; n++)
                ;
        return n;
}

static int emit(const ucs4_t *word, size_t n, const WordReader *reader)
{
        size_t size = 0;
        _cleanup_(freep) uint8_t *utf8 = u32_to_u8(word, n, NULL, &size);

        return utf8 ? reader->word(reader->userdata, (const char *)utf8, size) : -errno;
}

static int split(const ucs4_t *text, size_t n, const WordReader *reader)
{
        for (size_t i = 0; i < n;) {
                size_t length = match_word(text + i, n - i);

                if (kind_of(text[i]) != KIND_SPACE) {
                        int r = emit(text + i, length, reader);
                        if (r < 0)
                                return r;
                }
                i += length;
        }
        return 0;
}

int words_read(const char *text, size_t size, const WordReader *reader)
{
        if (size == 0)
                return 0;

        size_t n = 0;
        _cleanup_(freep) ucs4_t *raw = u8_to_u32((const uint8_t *)text, size, NULL, &n);
        if (!raw)
                return -errno;
        _cleanup_(freep) ucs4_t *cleaned = calloc(n * 3 + 1, sizeof(*cleaned));
        if (!cleaned)
                return -ENOMEM;
        n = clean(raw, n, cleaned);
        if (n == 0)
                return 0;

        _cleanup_(freep) ucs4_t *composed = u32_normalize(UNINORM_NFC, cleaned, n, NULL, &n);
        if (!composed)
                return -errno;
        _cleanup_(freep) ucs4_t *lower = u32_tolower(composed, n, NULL, NULL, NULL, &n);
        if (!lower)
                return -errno;
        return split(lower, n, reader);
}

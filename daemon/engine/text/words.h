/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text to the words that byte pair encoding starts from: control characters, unassigned ones and U+FFFD
 * dropped, CJK ideographs set apart, NFC, lower case (Unicode 14, as libunistring 1.0 and the references
 * have it), then CLIP's pattern, in any case:
 *
 *     <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd | letters | one digit | others
 */

#include <stddef.h>

typedef struct WordReader {
        /* One word in UTF-8, never empty; returns 0, or a negative errno that ends it all. */
        int (*word)(void *userdata, const char *word, size_t size);
        void *userdata;
} WordReader;

/* text: size bytes of valid UTF-8. 0, or a negative errno. */
int words_read(const char *text, size_t size, const WordReader *reader);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A short list of words, in place. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Words {
        char text[2048]; /* each word with a newline behind it */
} Words;

/* One after another; their bytes are not terminated, NULL: there is no other.
 *
 *     size_t size;
 *     for (const char *word = words_first(&words, &size); word; word = words_next(word, &size)) */
const char *words_first(const Words *words, size_t *ret_size);
const char *words_next(const char *word, size_t *size);

/* -EINVAL: empty, or with a newline; -E2BIG: no room. */
int words_add(Words *words, const char *word);
bool words_have(const Words *words, const char *word);

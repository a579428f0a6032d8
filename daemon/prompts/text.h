/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A text that grows, and a text cut into words.
 *
 *     _cleanup_(text_done) Text text = {};
 *     text_put(&text, "a fox");
 *     char *s = text_take(&text);          NULL: memory is short */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct Text {
        char *s; /* NULL: nothing yet */
        size_t size, capacity;
        bool failed; /* memory was short, and something is missing */
} Text;

void text_add(Text *text, const char *s, size_t size);
void text_put(Text *text, const char *s);
void text_format(Text *text, const char *format, ...) _printf_(2, 3);

/* Puts s behind what is there and a separator. */
void text_join(Text *text, const char *separator, const char *s);

/* The text, "" if there is none, to be freed; NULL: memory is short. */
char *text_take(Text *text);
void text_done(Text *text);

/* A word: letters and digits, with dashes and apostrophes inside, and whatever is not ASCII. */
typedef struct Word {
        size_t at, size; /* in the text */
        bool after_break; /* something else than spaces stands before it: a new thought */
} Word;

typedef struct WordList {
        char *lower; /* the text in lower case (ASCII), of the same length */
        Word *items;
        size_t n;
} WordList;

int words_split(WordList *ret, const char *text, size_t size);
void words_done(WordList *list);

/* How many words from `at` on are those of the phrase (words with single spaces between them, case does not matter);
 * 0: others, or there is a break between them. */
size_t words_match(const WordList *list, size_t at, const char *phrase);

/* The same where the last of them may have an s or es behind it. */
size_t words_match_plural(const WordList *list, size_t at, const char *phrase);

bool word_is(const WordList *list, size_t i, const char *word);

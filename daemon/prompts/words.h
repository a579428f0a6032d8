/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a model understands, as a file beside it says (words.json, which its recipe writes; docs/words.md): nouns, colours,
 * places, styles, which words are drawn like which others, and how long a prompt may be. */

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "prompts/text.h"

#define WORDS_BYTES_MAX (2U << 20) /* of such a file */

typedef enum WordClass {
        WORD_UNKNOWN,
        WORD_IDLE, /* a, the, of: says nothing by itself */
        WORD_NOUN,
        WORD_LIKE, /* no caption had it, but it is drawn like others */
        WORD_COLOUR,
        WORD_SIZE,
        WORD_NUMBER,
        WORD_RELATION,
        WORD_PLACE, /* "on a beach" */
        WORD_TIME, /* "at sunset" */
        WORD_STYLE,
} WordClass;

typedef struct ModelWords {
        json_t *root; /* NULL: nothing is known of the model, and it is taken to understand everything */
        uint32_t tokens; /* of a prompt that are read */
        uint32_t count; /* how many of one thing can be counted */
} ModelWords;

/* 0; -EINVAL with a sentence; -ENOMEM. */
int model_words_read(ModelWords *ret, const char *data, size_t size, Error *error);
void model_words_done(ModelWords *model);

/* What begins at that word, the longest; *ret_n: of how many words it is, at least 1. */
WordClass model_words_find(const ModelWords *model, const WordList *words, size_t at, size_t *ret_n);

/* Whether the text is a phrase for a place, a time, a style. */
bool model_words_knows(const ModelWords *model, const char *phrase, WordClass wanted);

/* Whether times of day go with the place that is said so. */
bool model_words_has_times(const ModelWords *model, const char *place);

/* The way to say a place as the picture's subject ("a beach"), for a word that names one ("beach"); NULL: none. */
const char *model_words_alone(const ModelWords *model, const char *word);

/* Up to three known words that are nearest, ", " between them; "" if there are none. To be freed; NULL: memory is short. */
char *model_words_near(const ModelWords *model, const char *word);

/* Tokens of a text: exact for known words, else a guess that is rather too high. */
uint32_t model_words_count(const ModelWords *model, const char *text);

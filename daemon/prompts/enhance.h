/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The built-in prompt generator: an idea in, full prompts out. The same request with the same files gives the same texts.
 *
 *     generator_open(&generator, directories, &error);           bytes of files only
 *     generator_read(&generator, words, size, &error);           what they and the model's words mean
 *     generator_answer(&generator, request, &answer, &error);
 *
 * request: { "idea": s, "seed": n, "seed-given": b, "count": 1 to 16, "template", "profile", "purpose": s, "fields": {name: s},
 * "refine": s, "lineage": [s], "texts": [s] }, all but the idea optional. texts are prompts that somebody else made of the
 * idea (a chat server): they are taken apart in place of what would be drawn.
 * answer: { "results": [ { "prompt", "model-prompt", "negative": s, "seed": n, "fields": {name: s}, "lineage": [s],
 * "notes": [s], "remarks": [as notes.h has them], "unknown": {word: nearest}, "template", "profile", "purpose": s, "aspect": s, "picture-seed": n } ] } */

#include <jansson.h>

#include "prompts/files.h"
#include "prompts/words.h"

#define ENHANCE_COUNT_MAX 16
#define ENHANCE_LINEAGE_MAX 64 /* texts that came before */
#define ENHANCE_FIELDS_MAX 32 /* that are given */

typedef struct Generator {
        PromptFiles files;
        Vocabulary vocabulary;
        ModelWords model;
        Faults faults;
} Generator;

int generator_open(Generator *ret, char *const *directories, Error *error);

/* words: the model's words.json, or NULL. -EINVAL with FILE:LINE: the vocabulary has a fault. */
int generator_read(Generator *generator, const char *words, size_t size, Error *error);

/* -EINVAL with a sentence: something of the request cannot be. */
int generator_answer(Generator *generator, const json_t *request, json_t **ret, Error *error);

void generator_done(Generator *generator);

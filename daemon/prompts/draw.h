/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fills the fields that are empty with phrases that fit the idea and each other, by a seed. */

#include "prompts/vocabulary.h"

/* left_out: bits of fields that stay empty. */
int draw_fields(const Vocabulary *vocabulary, Fields *fields, unsigned left_out, uint64_t seed, Error *error);

/* What the fields say: facts of the words and of the phrases in them. */
uint32_t draw_facts(const Vocabulary *vocabulary, const Fields *fields, uint32_t *ret_excluded);

/* A phrase of those that `fits` says fit, those first whose words are in the idea; NULL: none does. */
const Phrase *draw_phrase(
                const Vocabulary *vocabulary, PromptField field, const WordList *idea, uint32_t facts, uint32_t excluded, uint64_t *random,
                bool (*fits)(const Phrase *phrase, const void *userdata), const void *userdata);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An idea, or a prompt of before, taken apart into what it says of each field. What fields_to_prompt() made of phrases of
 * the vocabulary comes apart into the same fields. */

#include "prompts/vocabulary.h"

#define IDEA_BYTES_MAX 8192

/* 0; -EINVAL with a sentence: too long, not UTF-8, nothing in it; -ENOMEM. */
int idea_read(const Vocabulary *vocabulary, const char *idea, Fields *ret, Error *error);

/* Sets the field to a phrase that is somewhere in the text; whether there was one. */
bool idea_find(const Vocabulary *vocabulary, PromptField field, const char *text, const Phrase **ret);

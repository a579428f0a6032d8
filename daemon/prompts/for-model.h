/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A prompt in the words and the grammar that a model's captions had:
 *
 *     [article, count] [size] [colour] THING [relation THING …] [place] [time] [, style]
 *
 * Words that it does not know are left out and told, with the nearest that it knows. */

#include "prompts/vocabulary.h"
#include "prompts/words.h"

/* *ret is the caller's: where nothing is known of the model, the whole prompt. notes gets what was left out. */
int for_model(
                const ModelWords *model, const Vocabulary *vocabulary, const Fields *fields, char **ret, json_t *notes, Error *error);

/* The same of a text alone: what of it the model takes up. */
int for_model_text(const ModelWords *model, const char *text, char **ret, json_t *notes, Error *error);

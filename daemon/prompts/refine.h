/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An instruction ("warmer, closer, without people") carried out on the fields of a prompt. */

#include <jansson.h>

#include "prompts/vocabulary.h"

/* notes: an array, which gets a sentence for what was not understood or changes nothing. */
int refine_fields(const Vocabulary *vocabulary, Fields *fields, const char *instruction, uint64_t seed, json_t *notes, Error *error);

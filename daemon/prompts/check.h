/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is ambiguous or contradictory in a prompt, and what a model will not take of it:
 *
 *     { "prompt", "model-prompt": s, "tokens", "limit": n, "fields": {…}, "problems": [ { "kind", "word", "near", "text" } ] }
 *
 * kinds: two (phrases of one field), contradiction, no-subject, count, cut, unknown, like, empty. */

#include "prompts/enhance.h"

int check_prompt(const Generator *generator, const char *prompt, json_t **ret, Error *error);

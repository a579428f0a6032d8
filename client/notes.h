/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the prompt generator notes about a prompt (prompts/notes.h), as a sentence in the user's language. */

#include <jansson.h>

/* A string to free; NULL if memory is short. What is of a newer generator stays English. */
char *note_to_text(const json_t *note);

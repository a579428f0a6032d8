/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of files for pictures. */

#include <stdint.h>

#define WORDS_MAX 60 /* bytes of a name that come from the prompt */

/* The prompt as the beginning of a file's name: ASCII letters in lower case and digits, what stands between
 * them as one dash; accents go ("Élan vital!" becomes "elan-vital"); cut after a word where it is too long;
 * "picture" if nothing is left. A string to free, or NULL if memory is short. */
char *name_from_prompt(const char *prompt);

/* "WORDS-SEED.png", and for attempt 2 and up "WORDS-SEED-2.png"; extension: "png". A string to free, or NULL. */
char *name_for_seed(const char *words, uint64_t seed, unsigned attempt, const char *extension);

/* A file's name with a number before its extension: ("a/fox.png", 2) becomes "a/fox-2.png"; 0: none. A
 * string to free, or NULL. */
char *name_numbered(const char *name, unsigned number);

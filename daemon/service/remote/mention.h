/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a text mentions a word or phrase: whole words, whatever their case, width and spaces. */

#include "base/words.h"

/* The first of the words that any of the texts mentions, up to n texts; in `ret`, cut off where it is too long. */
bool mentions(const Words *words, const char *const *texts, size_t n, char ret[static 64]);

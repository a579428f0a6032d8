/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing above U+10FFFF. */
bool utf8_is_well_formed(const char *text, size_t size);

/* And has none of what Unicode calls noncharacters (U+FDD0 to U+FDEF, and the last two of each plane): sd-bus sends no message
 * that has one. */
bool utf8_is_valid(const char *text, size_t size);

/* How many of the bytes may stay where there is room for `most`: no character is cut in two. */
size_t utf8_cut(const char *text, size_t size, size_t most);

/* Makes a string valid in place: a sequence cut off at its end goes, any other bad byte becomes '?'. */
void utf8_sanitize(char *text);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON as servers send it. A picture that was paid for is not lost for a character beside it that JSON allows and no text can
 * hold (\u0000, half of a surrogate pair), or for a byte that is not UTF-8. */

#include <jansson.h>
#include <stddef.h>

/* NULL: it is no JSON, or there is no memory. Such characters are U+FFFD in its texts, such bytes '?'. */
json_t *json_text_load(const char *data, size_t size);

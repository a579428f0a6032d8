/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RFC 4648, section 4. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void base64_put(const void *data, size_t size, FILE *f);

/* A string to free, or NULL if memory is short. */
char *base64_encode(const void *data, size_t size);

/* Decodes in place, since there is never more of it than of its text: the size, or -EBADMSG. Line breaks and spaces are
 * passed over, the '=' at the end may be missing. */
ssize_t base64_decode(char *text, size_t size);

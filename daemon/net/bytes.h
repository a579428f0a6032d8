/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes that grow up to a limit, always with a 0 behind them.
 *
 *     _cleanup_(bytes_done) Bytes body = { .max = 1 << 20 };
 *     r = bytes_add(&body, data, size); */

#include <stddef.h>

typedef struct Bytes {
        char *data; /* NULL: none were ever added */
        size_t size, max;
        size_t capacity;
} Bytes;

/* -EFBIG: more than max; -ENOMEM. */
int bytes_add(Bytes *bytes, const void *data, size_t size);
int bytes_add_text(Bytes *bytes, const char *text);

/* Forgets what is there, and overwrites it. */
void bytes_clear(Bytes *bytes);
void bytes_done(Bytes *bytes);

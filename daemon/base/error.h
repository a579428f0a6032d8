/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A negative errno together with a sentence for the person who reads it:
 *
 *     if (size > limit)
 *             return error_set(error, -EFBIG, "%s: %zu bytes, the limit is %zu", path, size, limit);
 *
 * Functions that can fail in ways a user must understand take an `Error *` last; it may be NULL. */

#include "base/cleanup.h"

#define ERROR_TEXT_MAX 512

typedef struct Error {
        int code; /* 0, or a negative errno */
        char text[ERROR_TEXT_MAX]; /* one sentence without a full stop, always terminated, valid UTF-8 */
} Error;

/* Fills in *error where it is not NULL; returns code. A text that does not fit is cut between characters. */
int error_set(Error *error, int code, const char *format, ...) _printf_(3, 4);

/* Puts "CONTEXT: " before the text that is already there; returns the code. */
int error_prefix(Error *error, const char *format, ...) _printf_(2, 3);

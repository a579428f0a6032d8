/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that go to the service: a copy in a sealed memfd, whatever they were read from.
 *
 *     _cleanup_(closep) int fd = -1;
 *     int r = input_read("photo.jpg", &fd, &options.private, &error);      // "-": stdin
 *
 * A file is private that has the extended attribute INPUT_PRIVATE, whatever its value. */

#include <stdbool.h>

#include "base/error.h"

#define INPUT_PRIVATE "user.imagined.private"

/* 0; -EFBIG above INPUT_BYTES_MAX, -ENODATA for an empty file, or what opening and reading gave, with a sentence that has
 * the path in it. is_private: becomes true if the file is; NULL: it goes nowhere. */
int input_read(const char *path, int *ret_fd, bool *is_private, Error *error);

/* Likewise from an open file; name is what the sentence calls it. */
int input_read_fd(int fd, const char *name, int *ret_fd, bool *is_private, Error *error);

/* Likewise where the file is read by others; also if that cannot be known. */
void input_note_private(int fd, bool *is_private);

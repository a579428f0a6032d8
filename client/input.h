/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that go to the service: a copy in a sealed memfd, whatever they were read from.
 *
 *     _cleanup_(closep) int fd = -1;
 *     int r = input_read("photo.jpg", &fd, &error);      // "-": stdin
 */

#include "base/error.h"

/* 0; -EFBIG above INPUT_BYTES_MAX, -ENODATA for an empty file, or what opening and reading gave, with a sentence that has
 * the path in it. */
int input_read(const char *path, int *ret_fd, Error *error);

/* Likewise from an open file; name is what the sentence calls it. */
int input_read_fd(int fd, const char *name, int *ret_fd, Error *error);

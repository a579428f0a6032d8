/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing a file so that nobody ever sees a part of it: under a temporary name, or none, in the same
 * directory, then into place. */

#include <stddef.h>

/* Makes a file that was not there. 0, -EEXIST, or another negative errno. */
int file_write_new(const char *path, const void *data, size_t size);

/* Replaces the file, or what a symbolic link points to, if it is there. */
int file_replace(const char *path, const void *data, size_t size);

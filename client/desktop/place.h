/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a desktop keeps what belongs to one user, to all users, and where our files for it lie (XDG Base Directory
 * Specification). Every path that is returned is to be freed; NULL: memory is short. */

#include <stdbool.h>

#include "base/base-directory.h"
#include "base/error.h"

/* The path below one of the user's folders. */
char *place_of_user(Base base, const char *path);

/* Where that file is for all users, among $XDG_DATA_DIRS or for BASE_CONFIG $XDG_CONFIG_DIRS; NULL: nowhere. */
char *place_of_all(Base base, const char *path);

/* One of our own files: "nemo/imagine-vary.nemo_action" below imagined/desktop among the data folders. -ENOENT with a
 * sentence if make install has not put it there. */
int place_of_ours(const char *path, char **ret, Error *error);

/* Reads a file of at most a MiB as a string; zero bytes are refused. 0, -ENOENT, or another negative errno. */
int place_read(const char *path, char **ret);

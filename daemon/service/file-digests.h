/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The digest of each file of a model, by its path in it, as an object of JSON: {"unet/config.json": "9f86d0…", …}. */

#include <jansson.h>
#include <stdbool.h>

/* From the sealed memfd that comes with a DIGEST (workers/protocol.h), which stays the caller's; -1: none came. NULL: none came, or
 * it is no such text. Files whose name is no text are left out. */
json_t *file_digests_read(int fd);

/* Adds one. -EINVAL: it is no digest, or the path is no text; -ENOMEM. */
int file_digests_add(json_t *digests, const char *path, const char *digest);

/* Whether a value from elsewhere is one. */
bool file_digests_are_valid(const json_t *digests);

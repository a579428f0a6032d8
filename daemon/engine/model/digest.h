/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a model's files are, bit by bit, and whether they are what its author published.
 *
 * The digest of a model is the SHA-256 of a text with one line "DIGEST  PATH\n" for each of its files (base/tree.h) but
 * SHA256SUMS, in their order: what `sha256sum` prints for them, and, for a model that was published with one, what its
 * SHA256SUMS holds. So `sha256sum SHA256SUMS` prints the digest of such a model, too.
 *
 * A SHA256SUMS in the folder is held against the files: every file must be in it and be as it says, and there must be no
 * others. */

#include <stdbool.h>

#include "base/error.h"

#define DIGEST_SIZE 65 /* 64 hexadecimal digits and the end */

typedef enum DigestCheck {
        DIGEST_UNLISTED, /* there is no SHA256SUMS */
        DIGEST_VERIFIED,
        DIGEST_MISMATCH,
} DigestCheck;

typedef struct ModelDigest {
        char digest[DIGEST_SIZE];
        DigestCheck check;
        char difference[256]; /* with DIGEST_MISMATCH: which file differs first, and how */
} ModelDigest;

/* Called time and again while files are read: there is progress. */
typedef void (*digest_tick_t)(void *userdata);

/* Reads all files, which takes a second for some gigabytes. *ret_list is the text that the digest is of, to be freed; ret_list and
 * tick may be NULL. -EACCES, -EIO and the like: a file cannot be read. */
int model_digest(ModelDigest *ret, char **ret_list, const char *model_dir, digest_tick_t tick, void *userdata, Error *error);

/* Whether there is a SHA256SUMS. */
bool model_has_sums(const char *model_dir);

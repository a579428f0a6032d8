/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Digests of models that were computed before, by the identity of their files (tree_identity), in a file that may be
 * missing, lost or damaged at any time: then they are computed again. */

#include <jansson.h>

#include "workers/protocol.h"

typedef struct DigestCache DigestCache;

/* Reads the file; what is wrong with it is passed over. path NULL: nothing outlives this process. */
int digest_cache_new(DigestCache **ret, const char *path);
DigestCache *digest_cache_free(DigestCache *cache);
DEFINE_CLEANUP(DigestCache *, digest_cache_free)

/* NULL: not known. *ret_files, if wanted: the digest of each file (file-digests.h), the cache's; NULL: not known. */
const DigestInfo *digest_cache_find(const DigestCache *cache, const char *identity, json_t **ret_files);

/* Remembers it, and writes the file anew; the longest known give way. Failures are logged, no more: the digest will be
 * computed again. files may be NULL. */
void digest_cache_add(DigestCache *cache, const char *identity, const DigestInfo *info, json_t *files);

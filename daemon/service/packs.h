/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The packed weights of large models (engine/model/pack.h) in the cache directory, CACHE/packs/MODEL.pack: opened for the
 * workers, who cannot, and put in place when a worker says that a new one is whole. What is in them only the engine knows.
 * They may be deleted at any time. */

#include "service/models.h"

typedef struct Packs Packs;

/* beside: a file in the cache directory, which need not exist; NULL: nothing is kept. -ENOMEM. */
int packs_new(Packs **ret, const char *beside);
Packs *packs_free(Packs *packs);
DEFINE_CLEANUP(Packs *, packs_free)

/* What a worker gets, both the caller's; -1: none. */
typedef struct PackPair {
        int old_fd; /* read-only */
        int new_fd; /* an empty file without a name; none where the disk has not much room left */
} PackPair;

void pack_pair_close(PackPair *pair);

/* For a model of at least bytes_min, in that directory or file; 0: for none. */
void packs_open(const Packs *packs, const char *model, const char *directory, uint64_t bytes_min, PackPair *ret);

/* The new file is whole, and takes the old one's place. */
void packs_keep(const Packs *packs, const char *model, int new_fd);

/* Deletes those of models that are none of these. */
void packs_forget_others(const Packs *packs, const Models *models);

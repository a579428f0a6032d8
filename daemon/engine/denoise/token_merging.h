/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Token merging (Bolya, Hoffman 2023): before self-attention, tokens that are alike are taken together, and what it says
 * goes to each of them. In each cell of 2x2 the first token stays; of the others that share of all tokens whose likeness
 * (cosine) to one that stays is the largest is averaged with it.
 *
 *     TokenMap map = token_map(c, &x, 0.5);
 *     tokens_merge(c, &map, &x, &few);       // few: [n, 1, map.kept, channels]
 *     …
 *     tokens_add(c, &map, &few, &out);       // out: as x
 *
 * A picture's map depends on that picture alone. */

#include "engine/tensor/compute.h"

#define TOKENS_MERGED_MAX 0.75 /* all but those that stay in any case */

typedef struct TokenMap {
        uint32_t n; /* pictures */
        uint32_t tokens, kept; /* of each, before and after */
        uint32_t *to; /* [n][tokens]: which of the kept it is part of; in the arena */
} TokenMap;

/* x: [n, h, w, channels], floats. share: of all tokens, 0 to TOKENS_MERGED_MAX; fewer where fewer can go. */
TokenMap token_map(Compute *c, const Tensor *x, double share);

/* Means of the tokens that were taken together. x: as for the map; ret: [n, 1, kept, channels], of either type. */
void tokens_merge(Compute *c, const TokenMap *map, const Tensor *x, const Tensor *ret);

/* Adds to each token of x what its group has. from: [n, 1, kept, channels]; both floats. */
void tokens_add(Compute *c, const TokenMap *map, const Tensor *from, const Tensor *x);

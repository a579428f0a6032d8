/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Transformer2DModel: self-attention among the pixels, cross-attention to the text, feed-forward (Rombach et
 * al. 2022, section 3.3). */

#include "engine/layers/loader.h"
#include "engine/tensor/attention.h"

typedef struct TransformerBlock {
        Norm norm1, norm2, norm3;
        Matrix query, key, value, out;
        Matrix cross_query, cross_key, cross_value, cross_out;
        Matrix widen, narrow; /* the feed-forward network, to four times the channels and back */
} TransformerBlock;

typedef struct Transformer {
        uint32_t channels, heads;
        Norm norm;
        Matrix proj_in, proj_out;
        uint32_t n_blocks;
        TransformerBlock *blocks;
        uint32_t first_context; /* index of the first block's keys among all of the UNet's */
} Transformer;

typedef struct TransformerShape {
        uint32_t channels, heads, n_blocks;
        uint32_t text_width; /* of the text's embeddings */
        uint32_t groups;
} TransformerShape;

void load_transformer(
                Loader *loader, Transformer *ret, const TransformerShape *shape, uint32_t first_context,
                const char *key_format, ...) _printf_(5, 6);

/* The text's keys and values, one pair a block, into ret[first_context …]; their memory is taken from
 * `arena`. */
void transformer_context(
                Compute *c, const Transformer *t, Arena *arena, const Tensor *text, AttentionKeys *ret);

/* x: [n, h, w, channels], changed in place. merged: the share of tokens that self-attention takes together with others
 * (token_merging.h); 0: none. */
void transformer(Compute *c, const Transformer *t, const AttentionKeys *context, double merged, const Tensor *x);

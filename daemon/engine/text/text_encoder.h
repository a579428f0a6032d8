/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CLIPTextModel, with or without projection: token ids to embeddings (Radford et al. 2021; transformers'
 * CLIPTextTransformer; OpenCLIP's ViT-H and ViT-bigG are the same with another activation). */

#include "engine/layers/loader.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct TextEncoder TextEncoder;

int text_encoder_new(
                TextEncoder **ret, const TextEncoderConfig *config, const Weights *weights, Precision precision,
                Error *error);
TextEncoder *text_encoder_free(TextEncoder *encoder);
DEFINE_CLEANUP(TextEncoder *, text_encoder_free)

/* All its matrices, by transformers' keys. */
const Matrices *text_encoder_matrices(const TextEncoder *encoder);

/* What is wanted of a forward pass. */
typedef struct TextWish {
        uint32_t skip; /* layers at the end whose work the embeddings are not to contain; at most all but one count */
        bool plain; /* without the final layer norm, as Stable Diffusion XL has them */
        bool pooled; /* also the pooled output */
} TextWish;

/* The width of the pooled output; 0 if the weights hold no projection. */
uint32_t text_encoder_pooled_width(const TextEncoder *encoder);

/* ids: n rows of `length` token ids, length <= config.max_positions, each id < vocab_size (-EINVAL
 * otherwise). *ret, in the arena: [n, 1, length, hidden_size]. *ret_pooled, if it is wished for: [n, 1, 1, pooled
 * width], the final layer norm of all layers' work at the end mark, projected; -EINVAL without a projection. */
int text_encoder_forward(
                const TextEncoder *encoder, Compute *compute, const uint32_t *ids, uint32_t n,
                uint32_t length, const TextWish *wish, Tensor *ret, Tensor *ret_pooled);

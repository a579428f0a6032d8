/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CLIPTextModel: token ids to embeddings (Radford et al. 2021; transformers' CLIPTextTransformer). */

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct TextEncoder TextEncoder;

int text_encoder_new(
                TextEncoder **ret, const TextEncoderConfig *config, const Weights *weights, Error *error);
TextEncoder *text_encoder_free(TextEncoder *encoder);
DEFINE_CLEANUP(TextEncoder *, text_encoder_free)

/* ids: n rows of `length` token ids, length <= config.max_positions, each id < vocab_size (-EINVAL
 * otherwise). *ret, in the arena: [n, 1, length, hidden_size], after the final layer norm. */
int text_encoder_forward(
                const TextEncoder *encoder, Compute *compute, const uint32_t *ids, uint32_t n,
                uint32_t length, Tensor *ret);

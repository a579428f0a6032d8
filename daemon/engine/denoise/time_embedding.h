/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every resnet of the denoiser is told about the whole picture: the timestep, and, where a model has it, the
 * guidance scale (LCM; Luo et al. 2023, section 4.2) and the pooled text with sizes and crop (Stable Diffusion XL;
 * Podell et al. 2023, section 2.2). */

#include "engine/layers/loader.h"
#include "engine/model/config.h"

typedef struct TimeEmbedding {
        Matrix time1, time2;
        Matrix guidance; /* only with config.guidance_width */
        Matrix added1, added2; /* only with config.sizes_width */
} TimeEmbedding;

/* The part that stays the same through a job. */
typedef struct TimeConditions {
        Tensor guidance; /* [1, 1, 1, block_out_channels[0]]; without data: none */
        Tensor added; /* [n, 1, 1, time width]; without data: none */
} TimeConditions;

/* The width of the embedding, in every UNet of the family. */
static inline uint32_t time_width(const UNetConfig *config)
{
        return 4 * config->block_out_channels[0];
}

void load_time_embedding(Loader *loader, const UNetConfig *config, TimeEmbedding *ret);

/* The guidance's embedding and that of pooled text and sizes; as far as the model has them, in the arena. */
void time_conditions(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, Arena *arena, float guidance,
                const Tensor *pooled, const float sizes[static CONFIG_SIZES], TimeConditions *ret);

/* SiLU of the embeddings of n timesteps, in the arena of c: [1, 1, n, time width], or a row for each text that has something
 * to add, [1, 1, n * texts, …]. SiLU stands before every use, so it is taken here once. */
Tensor embed_times(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, const TimeConditions *conditions,
                const float *timesteps, uint32_t n);

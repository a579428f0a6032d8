/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the denoiser is made of, and what is computed for it once a job. */

#include "engine/denoise/time_embedding.h"
#include "engine/denoise/transformer.h"
#include "engine/denoise/unet.h"
#include "engine/layers/resnet_block.h"

/* One level on the way down or up. */
typedef struct Level {
        uint32_t n_resnets;
        ResnetBlock *resnets;
        Transformer *transformers; /* one a resnet, or NULL */
        bool resamples;
        Matrix resample; /* to half or twice the size */
} Level;

struct UNet {
        UNetConfig config;
        Arena *arena;
        Matrices matrices;
        uint32_t n_contexts; /* cross-attentions */
        uint32_t n_resnets;
        TimeEmbedding time;
        Matrix conv_in, conv_out;
        Level down[CONFIG_LEVELS_MAX], up[CONFIG_LEVELS_MAX];
        ResnetBlock mid_resnet1, mid_resnet2;
        Transformer mid_transformer;
        Norm norm_out;
};

/* What each resnet adds to its channels at each timestep of a schedule. */
typedef struct TimeSchedule {
        uint32_t n;
        const float *timesteps;
        uint32_t texts; /* rows a timestep: one, or one for each text that has something to add */
        uint32_t first; /* of these, where a pass begins */
        float **biases; /* [resnets]: [n][texts][its channels] */
} TimeSchedule;

struct UNetContext {
        Arena *arena;
        uint32_t n; /* texts */
        TimeConditions time;
        TimeSchedule times; /* none until unet_context_schedule() */
        uint32_t n_keys;
        AttentionKeys keys[];
};

/* Of n timesteps in one product a layer; all of it in `arena`. */
void time_schedule(
                Compute *c, const UNet *unet, const TimeConditions *conditions, Arena *arena, const float *timesteps,
                uint32_t n, TimeSchedule *ret);
bool time_schedule_find(const TimeSchedule *times, float timestep, uint32_t *ret);
TimeBias time_bias(const TimeSchedule *times, uint32_t evaluation, const ResnetBlock *block);

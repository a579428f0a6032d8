/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UNet2DConditionModel, the denoiser of Stable Diffusion (Rombach et al. 2022; keys as in diffusers). */

#include "engine/layers/loader.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct UNet UNet;

int unet_new(UNet **ret, const UNetConfig *config, const Weights *weights, Precision precision, Error *error);
UNet *unet_free(UNet *unet);
DEFINE_CLEANUP(UNet *, unet_free)

/* All its matrices, by diffusers' keys. */
const Matrices *unet_matrices(const UNet *unet);

/* What the denoiser is told beside latents and timestep. */
typedef struct UNetConditions {
        Tensor text; /* [n, 1, tokens, cross_attention_dim] */
        /* Where config.sizes_width is not 0: */
        Tensor pooled; /* [n, 1, 1, config.added_width - CONFIG_SIZES * config.sizes_width] */
        float sizes[CONFIG_SIZES];
        /* Where config.guidance_width is not 0: */
        float guidance;
} UNetConditions;

/* All that can be computed of them once a job: the keys and values for every cross-attention, and what is added to the
 * time embedding. The conditions may be freed afterwards. -EINVAL if something is missing or of the wrong size. */
typedef struct UNetContext UNetContext;
int unet_context_new(
                UNetContext **ret, const UNet *unet, Compute *compute, const UNetConditions *conditions);
/* The time embeddings of all evaluations and what each layer makes of them, at once and for as long as the context is there.
 * Not needed: what unet_forward does not find here it computes itself. -ENOMEM. */
int unet_context_schedule(
                UNetContext *context, const UNet *unet, Compute *compute, const float *timesteps, uint32_t n);
uint32_t unet_context_texts(const UNetContext *context);
/* A context of its last text alone, which is valid as long as the whole. -ENOMEM. */
int unet_context_last(UNetContext **ret, const UNetContext *context);
UNetContext *unet_context_free(UNetContext *context);
DEFINE_CLEANUP(UNetContext *, unet_context_free)

/* Accuracy for time, all of it off where it is zero. */
typedef struct UNetShortcuts {
        /* Token merging (token_merging.h): the share of tokens that self-attention takes together in the largest level that has
         * any; 0 to TOKENS_MERGED_MAX. */
        double merge_tokens;
        /* Cached deep features (DeepCache; Ma, Fang, Wang 2023): without `reuse` what the deep layers hand to the last two is
         * kept here, and with it taken from here: then only the first and the last two layers of the first level are computed.
         * NULL, or [n, h, w, unet_deep_channels()] for latents of [n, h, w], floats. */
        const Tensor *deep;
        bool reuse;
} UNetShortcuts;

uint32_t unet_deep_channels(const UNet *unet);

/* latents: [n, h, w, in_channels] with the n of the context; any h, w >= 1.
 * *ret, in the arena: [n, h, w, out_channels], what the model predicts (noise or v) at that timestep. */
int unet_forward(
                const UNet *unet, Compute *compute, const UNetContext *context, const Tensor *latents,
                float timestep, Tensor *ret);
int unet_forward_short(
                const UNet *unet, Compute *compute, const UNetContext *context, const UNetShortcuts *shortcuts,
                const Tensor *latents, float timestep, Tensor *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UNet2DConditionModel, the denoiser of Stable Diffusion (Rombach et al. 2022; keys as in diffusers). */

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct UNet UNet;

int unet_new(UNet **ret, const UNetConfig *config, const Weights *weights, Error *error);
UNet *unet_free(UNet *unet);
DEFINE_CLEANUP(UNet *, unet_free)

/* The embeddings' keys and values for every cross-attention, computed once a job.
 * text: [n, 1, tokens, cross_attention_dim]; it may be freed afterwards. */
typedef struct UNetContext UNetContext;
int unet_context_new(UNetContext **ret, const UNet *unet, Compute *compute, const Tensor *text);
UNetContext *unet_context_free(UNetContext *context);
DEFINE_CLEANUP(UNetContext *, unet_context_free)

/* latents: [n, h, w, in_channels] with the n of the context; any h, w >= 1.
 * *ret, in the arena: [n, h, w, out_channels], what the model predicts (noise or v) at that timestep. */
int unet_forward(
                const UNet *unet, Compute *compute, const UNetContext *context, const Tensor *latents,
                float timestep, Tensor *ret);

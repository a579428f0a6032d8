/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The autoencoder: latents to pixels and back. AutoencoderKL (Rombach et al. 2022; key names as in diffusers, old
 * attention names too), or AutoencoderTiny in its place. */

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct Vae Vae;

/* Loads the decoder. */
int vae_new(Vae **ret, const VaeConfig *config, const Weights *weights, Precision precision, Error *error);
Vae *vae_free(Vae *vae);
DEFINE_CLEANUP(Vae *, vae_free)

const VaeConfig *vae_config(const Vae *vae);

/* Pixels a latent, along each side: 2^(levels - 1). */
uint32_t vae_factor(const VaeConfig *config);

/* latents: [n, h, w, latent_channels], already divided by the scaling factor.
 * *ret, in the arena: [n, h * factor, w * factor, out_channels], nominally -1 to 1, not clamped. */
int vae_decode(const Vae *vae, Compute *compute, const Tensor *latents, Tensor *ret);

/* Loads the encoder too, which most jobs never need. */
int vae_load_encoder(Vae *vae, const Weights *weights, Precision precision, Error *error);

/* -ENODATA without vae_load_encoder; -EINVAL for sizes below the factor.
 * picture: [n, h, w, in_channels] in -1 to 1. *ret, in the arena: [n, h / factor, w / factor, 2 *
 * latent_channels]: mean, then log variance clamped to [-30, 20] (-30 where the autoencoder has no variance); not
 * multiplied by the scaling factor. */
int vae_encode(const Vae *vae, Compute *compute, const Tensor *picture, Tensor *ret);

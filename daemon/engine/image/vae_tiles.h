/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Large latents are decoded tile by tile, for decoding needs several KiB a pixel. Tiles overlap, and fade into one
 * another over all of the overlap; each has norms of its own, so that the picture is not quite what one pass would
 * make, but has no seams; nor where it goes on at its opposite side, if Compute says that it does. */

#include "engine/image/vae.h"

/* In latents. */
#define VAE_TILE 72
#define VAE_TILE_OVERLAP 16
/* Up to so many latents one pass decodes all. */
#define VAE_WHOLE_MAX (80 * 80)

/* As vae_decode(), in one pass or in tiles. */
int vae_decode_any(const Vae *vae, Compute *compute, const Tensor *latents, Tensor *ret);

/* The same in tiles of that size, whatever the latents' size. tile > overlap. */
int vae_decode_tiles(
                const Vae *vae, Compute *compute, const Tensor *latents, uint32_t tile, uint32_t overlap,
                Tensor *ret);

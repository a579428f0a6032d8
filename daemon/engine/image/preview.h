/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#define PREVIEW_SIDE_MAX 256

/* Latents, [channels, h, w], made so small by averaging whole blocks that what is decoded of them, `factor`
 * pixels a latent, is at most PREVIEW_SIDE_MAX wide and high. malloc'ed; NULL without memory. */
float *preview_shrink(const float *latents, uint32_t channels, uint32_t h, uint32_t w, uint32_t factor,
                      uint32_t *ret_h, uint32_t *ret_w);

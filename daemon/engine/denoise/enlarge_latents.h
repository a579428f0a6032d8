/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* [c, h, w] to [c, new_h, new_w] by linear interpolation between centres, as PyTorch's interpolate(mode="bilinear") and the
 * web UIs' upscaler "Latent" do it. Beyond the border lies the last latent, or where it wraps the one of the opposite side.
 * *ret is malloc'ed. -ENOMEM. */
int enlarge_latents(const float *latents, uint32_t c, uint32_t h, uint32_t w, uint32_t new_h, uint32_t new_w, bool wrap_x,
                    bool wrap_y, float **ret);

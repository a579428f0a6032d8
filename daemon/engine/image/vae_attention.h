/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one attention of the VAE's middle: a single head as wide as all channels. */

#include "engine/layers/loader.h"

typedef struct VaeAttention {
        Norm norm;
        Matrix query, key, value, out;
} VaeAttention;

/* Under the names of today (to_q, …, to_out.0) or those of Stable Diffusion 1's first releases (query, …,
 * proj_attn). */
void load_vae_attention(
                Loader *loader, VaeAttention *ret, uint32_t channels, uint32_t groups, float eps,
                const char *key);

/* x: [n, h, w, channels], changed in place. */
void vae_attention(Compute *c, const VaeAttention *a, const Tensor *x);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* AutoencoderTiny (TAESD, Ollin Boer Bohan 2023; keys as in diffusers): a small stand-in for the large autoencoder. All
 * its levels are equally wide, and it has neither norms nor attention. */

#include "engine/layers/loader.h"
#include "engine/model/config.h"

typedef struct TinyBlock {
        Matrix convs[3];
} TinyBlock;

typedef struct TinyLevel {
        Matrix resample; /* where a level begins (encoder) or ends (decoder); not at the first or last one */
        uint32_t n_blocks;
        TinyBlock *blocks;
} TinyLevel;

typedef struct TinyHalf {
        Matrix conv_in, conv_out;
        TinyLevel levels[CONFIG_LEVELS_MAX];
} TinyHalf;

void load_tiny_decoder(Loader *loader, const VaeConfig *config, TinyHalf *ret);
void load_tiny_encoder(Loader *loader, const VaeConfig *config, TinyHalf *ret);

/* latents: [n, h, w, latent_channels] to ret: [n, h * factor, w * factor, out_channels], nominally -1 to 1. */
void tiny_decode(
                Compute *c, const VaeConfig *config, const TinyHalf *half, const Tensor *latents,
                const Tensor *ret);

/* picture: [n, h, w, in_channels] in -1 to 1 to ret: [n, h / factor, w / factor, latent_channels]; h and w are
 * multiples of the factor. */
void tiny_encode(
                Compute *c, const VaeConfig *config, const TinyHalf *half, const Tensor *picture,
                const Tensor *ret);

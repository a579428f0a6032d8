/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ResnetBlock2D, which UNet and VAE are made of: norm, SiLU, convolution, twice, beside a shortcut (He et
 * al. 2016). */

#include "engine/layers/loader.h"

typedef struct ResnetBlock {
        uint32_t in, out; /* channels */
        uint32_t number; /* among the network's resnets, where something is kept for each */
        Norm norm1, norm2;
        Matrix conv1, conv2;
        Matrix time; /* only with a time embedding: its width to `out` */
        Matrix shortcut; /* only where in != out */
} ResnetBlock;

/* time_width: 0 where there is no time embedding (VAE). */
void load_resnet_block(
                Loader *loader, ResnetBlock *ret, uint32_t in, uint32_t out, uint32_t time_width,
                uint32_t groups, float eps, const char *key_format, ...) _printf_(8, 9);

/* What is added to the channels after the first convolution instead of its bias: that, and what the time has to say. Behind
 * its end there is room for a vector. */
typedef struct TimeBias {
        const float *data; /* [out] for all pictures, or [n][out] */
        bool each;
} TimeBias;

/* x: [n, h, w, in] to out: [n, h, w, out], which may be x itself if in == out. time: NULL in the VAE. */
void resnet_block(
                Compute *c, const ResnetBlock *block, const Tensor *x, const TimeBias *time,
                const Tensor *out);

/* The same without a time embedding, where x stands in memory that has room for the result too, which replaces it.
 * memory: for a tensor like the result. band: NORM_BAND (norm_convolution.h), or less in tests. */
void resnet_block_in_place(Compute *c, const ResnetBlock *block, Tensor *x, float *memory, size_t band);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/tensor/compute.h"

typedef struct Norm {
        uint32_t channels;
        uint32_t groups; /* of neighbouring channels; for layer norm 1 */
        float eps;
        float *gamma, *beta; /* in the arena of the weights */
} Norm;

/* What group normalisation finds in a tensor: a mean and a factor for each channel of each picture, in the arena. Their
 * use is elementwise, so a tensor may be normalised in parts: `x` then is some rows of picture `picture`. */
typedef struct GroupMoments {
        float *mean, *factor; /* [n][channels] */
} GroupMoments;

GroupMoments group_moments(Compute *c, const Norm *norm, const Tensor *x);
void group_normalise(
                Compute *c, const Norm *norm, const GroupMoments *moments, uint32_t picture, const Tensor *x, bool silu,
                const Tensor *out);

/* Group normalisation (Wu, He 2018), each picture and group by itself; SiLU if asked for. out may be x, or
 * bfloat16. */
void group_norm(Compute *c, const Norm *norm, const Tensor *x, bool silu, const Tensor *out);

/* Each row of channels by itself (Ba et al. 2016). out may be x, bfloat16, or bytes. */
void layer_norm(Compute *c, const Norm *norm, const Tensor *x, const Tensor *out);

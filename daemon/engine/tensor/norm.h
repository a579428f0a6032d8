/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/tensor/compute.h"

typedef struct Norm {
        uint32_t channels;
        uint32_t groups; /* of neighbouring channels; for layer norm 1 */
        float eps;
        float *gamma, *beta; /* in the arena of the weights */
} Norm;

/* Group normalisation (Wu, He 2018), each picture and group by itself; SiLU if asked for. out may be x. */
void group_norm(Compute *c, const Norm *norm, const Tensor *x, bool silu, const Tensor *out);

/* Each row of channels by itself (Ba et al. 2016). out may be x. */
void layer_norm(Compute *c, const Norm *norm, const Tensor *x, const Tensor *out);

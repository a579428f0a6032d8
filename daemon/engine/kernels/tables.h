/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables, and the parts that they are put together from. */

#include "engine/kernels/kernels.h"

extern const Kernels kernels_generic, kernels_avx2, kernels_avx2_openblas, kernels_avx512, kernels_avx512_openblas,
                kernels_vnni, kernels_bf16;

extern const Products blas_products, avx2_products, avx512_products, vnni_products, bf16_products;

/* From pointwise.inc.h and norm.inc.h. */
#define POINTWISE_KERNELS                                                                                   \
        .lanes = LANES, .widen = widen, .narrow = narrow, .range = range, .quantise = quantise,             \
        .dequantise = dequantise, .finish = finish_panel, .exp_sum = exp_sum,                               \
        .exp_sum_halves = exp_sum_halves, .maximum = maximum, .scale = scale, .add = add,                   \
        .activate = activate, .moments = moments, .normalise = normalise, .layer_norm = layer_norm

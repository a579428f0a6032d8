/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables, and the parts that they are put together from. */

#include "engine/kernels/kernels.h"

extern const Kernels kernels_generic, kernels_avx2, kernels_avx2_openblas, kernels_avx512, kernels_avx512_openblas,
                kernels_vnni, kernels_bf16, kernels_amx;

extern const Products avx2_products, avx512_products, vnni_products, bf16_products;
extern const ByteScores vnni_scores;

/* From blas.c: larger blocks than our own, because each call packs both sides again. */
void blas_product(const Product *product);
#define BLAS_PRODUCTS                                                                                       \
        .name = "openblas", .precision = PRECISION_F32, .lanes = LANES, .rows = 6, .group = 1, .step = 1,     \
        .panel = 256, .depth = 512, .tile_rows = 192, .uneven = true, .multiply = blas_product

/* From pointwise.inc.h, norm.inc.h and winograd.inc.h. */
#define POINTWISE_KERNELS                                                                                   \
        .lanes = LANES, .widen = widen, .widen_panel = widen_panel, .narrow = narrow, .range = range,       \
        .quantise = quantise, .quantise_weights = quantise_weights, .dequantise = dequantise,               \
        .finish = finish_panel, .exp_sum = exp_sum,                                                         \
        .exp_sum_halves = exp_sum_halves, .maximum = maximum, .scale = scale, .add = add,                   \
        .activate = activate, .moments = moments, .normalise = normalise, .layer_norm = layer_norm,         \
        .layer_norm_bytes = layer_norm_bytes, .winograd_inputs = winograd_inputs,                           \
        .winograd_weights = winograd_weights, .winograd_weights_of_bytes = winograd_weights_of_bytes,       \
        .winograd_outputs = winograd_outputs

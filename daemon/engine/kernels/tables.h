/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables, and the parts that they are put together from. */

#include "engine/kernels/kernels.h"

extern const Kernels kernels_avx512, kernels_avx512_openblas;
extern const Kernels kernels_avx2, kernels_avx2_openblas;
extern const Kernels kernels_generic;

/* From pointwise.inc.h and norm.inc.h. */
#define POINTWISE_KERNELS                                                                                   \
        .lanes = LANES, .widen = widen, .finish = finish_panel, .exp_sum = exp_sum, .maximum = maximum,     \
        .scale = scale, .add = add, .activate = activate, .moments = moments, .normalise = normalise,       \
        .layer_norm = layer_norm

/* From product.inc.h. A panel's slice of 128 by 64 floats (AVX-512) is 32 KiB. */
#define OWN_PRODUCTS                                                                                        \
        .products = "own", .panel = PRODUCT_PANEL, .depth = 128, .tile_rows = 16 * KERNELS_ROWS,            \
        .product = product

/* From blas.c: larger blocks, because each call packs both sides again. */
#define OPENBLAS_PRODUCTS                                                                                   \
        .products = "openblas", .panel = BLAS_PANEL, .depth = 512, .tile_rows = 32 * KERNELS_ROWS,          \
        .product = blas_product

#define BLAS_PANEL 256
void blas_product(const Product *product);

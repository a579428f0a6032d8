/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

#define PRODUCT_VECTORS 4
#define OWN_PRODUCTS avx512_products

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/winograd.inc.h"
#include "engine/kernels/tables.h"
#include "engine/kernels/product.inc.h"

static const Products blas_products = { BLAS_PRODUCTS };

const Kernels kernels_avx512 = {
        .name = "avx512", POINTWISE_KERNELS, .products = { [PRECISION_F32] = &avx512_products }
};
const Kernels kernels_avx512_openblas = {
        .name = "avx512", POINTWISE_KERNELS, .products = { [PRECISION_F32] = &blas_products }
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

#define PRODUCT_VECTORS 2

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/product.inc.h"
#include "engine/kernels/tables.h"

const Kernels kernels_avx2 = { .name = "avx2", POINTWISE_KERNELS, OWN_PRODUCTS };
const Kernels kernels_avx2_openblas = { .name = "avx2", POINTWISE_KERNELS, OPENBLAS_PRODUCTS };

#endif

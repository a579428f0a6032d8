/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

#define PRODUCT_VECTORS 4

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/product.inc.h"
#include "engine/kernels/tables.h"

const Kernels kernels_avx512 = { .name = "avx512", POINTWISE_KERNELS, OWN_PRODUCTS };
const Kernels kernels_avx512_openblas = { .name = "avx512", POINTWISE_KERNELS, OPENBLAS_PRODUCTS };

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For every processor that has no file of its own; the compiler makes of it what it can. */

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/winograd.inc.h"
#include "engine/kernels/tables.h"

static const Products blas_products = { BLAS_PRODUCTS };

const Kernels kernels_generic = {
        .name = "generic", POINTWISE_KERNELS, .products = { [PRECISION_F32] = &blas_products }
};

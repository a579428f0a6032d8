/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

/* AVX-512 with VNNI: products of bytes. */

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/winograd.inc.h"
#include "engine/kernels/tables.h"

#define GROUP 4
typedef __m512i Groups;

/* In assembler, since some compilers copy the sums back and forth around the intrinsic. */
static inline __attribute__((always_inline)) Groups multiply_groups(Groups acc, Groups a, Groups b)
{
        __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
        return acc;
}

static inline Groups add_groups(Groups a, Groups b)
{
        return _mm512_add_epi32(a, b);
}

#include "engine/kernels/product-groups.inc.h"

const Products vnni_products = { .name = "avx512-vnni", .precision = PRECISION_INT8, GROUP_PRODUCTS };

const Kernels kernels_vnni = {
        .name = "avx512-vnni",
        POINTWISE_KERNELS,
        .products = { [PRECISION_F32] = &avx512_products, [PRECISION_INT8] = &vnni_products },
};

#endif

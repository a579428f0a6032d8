/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

/* AVX-512 with products of bfloat16. */

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/winograd.inc.h"
#include "engine/kernels/tables.h"

#define GROUP 2
typedef __m512 Groups;

static inline __attribute__((always_inline)) Groups multiply_groups(Groups acc, Groups a, Groups b)
{
        return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}

static inline Groups add_groups(Groups a, Groups b)
{
        return _mm512_add_ps(a, b);
}

#include "engine/kernels/product-groups.inc.h"

const Products bf16_products = { .name = "avx512-bf16", .precision = PRECISION_BF16, GROUP_PRODUCTS };

const Kernels kernels_bf16 = {
        .name = "avx512-bf16",
        POINTWISE_KERNELS,
        .byte_scores = &vnni_scores,
        .products = { [PRECISION_F32] = &avx512_products,
                      [PRECISION_BF16] = &bf16_products,
                      [PRECISION_INT8] = &vnni_products },
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products with packed panels: KERNELS_ROWS rows by 1 to 4 vectors of columns in registers, the panel's slice in the L1
 * cache, the rows read where they lie. Included once by each kernels-ISA.c. */

#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"

#define PRODUCT_PANEL (PRODUCT_VECTORS * LANES)

/* One block of sums. VECTORS is a constant in each caller, so that the compiler keeps all sums in registers. */
static inline __attribute__((always_inline)) void product_block(
                const float *const *rows, size_t offset, size_t depth, const float *panel, float *sums, size_t stride,
                bool add, const int vectors)
{
        Vec acc[KERNELS_ROWS][PRODUCT_VECTORS] = {};
        const float *row[KERNELS_ROWS];

        for (int i = 0; i < KERNELS_ROWS; i++)
                row[i] = rows[i] + offset;

        for (size_t k = 0; k < depth; k++) {
                Vec b[PRODUCT_VECTORS];

#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++)
                        b[j] = vec_load(panel + j * LANES);
#pragma GCC unroll 6
                for (int i = 0; i < KERNELS_ROWS; i++) {
                        Vec a = vec_set(row[i][k]);
#pragma GCC unroll 4
                        for (int j = 0; j < vectors; j++)
                                acc[i][j] = vec_fma(a, b[j], acc[i][j]);
                }
                panel += vectors * LANES;
        }

#pragma GCC unroll 6
        for (int i = 0; i < KERNELS_ROWS; i++)
#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++) {
                        float *sum = sums + i * stride + j * LANES;
                        vec_store(sum, add ? vec_load(sum) + acc[i][j] : acc[i][j]);
                }
}

#define DEFINE_PRODUCT(vectors)                                                                                     \
        static void product_##vectors(                                                                              \
                        const float *const *rows, size_t offset, size_t m, size_t depth, const float *panel,        \
                        float *sums, size_t stride, bool add)                                                       \
        {                                                                                                           \
                for (size_t i = 0; i < m; i += KERNELS_ROWS)                                                        \
                        product_block(rows + i, offset, depth, panel, sums + i * stride, stride, add, vectors);       \
        }

DEFINE_PRODUCT(1)
DEFINE_PRODUCT(2)
#if PRODUCT_VECTORS == 4
DEFINE_PRODUCT(3)
DEFINE_PRODUCT(4)
#endif

static void product(
                const float *const *rows, size_t offset, size_t m, size_t depth, const float *panel, size_t width,
                float *sums, size_t stride, bool add, float *scratch)
{
        (void)scratch;
        switch (width / LANES) {
        case 1:
                product_1(rows, offset, m, depth, panel, sums, stride, add);
                break;
        case 2:
                product_2(rows, offset, m, depth, panel, sums, stride, add);
                break;
#if PRODUCT_VECTORS == 4
        case 3:
                product_3(rows, offset, m, depth, panel, sums, stride, add);
                break;
        case 4:
                product_4(rows, offset, m, depth, panel, sums, stride, add);
                break;
#endif
        }
}

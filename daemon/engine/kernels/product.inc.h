/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products of floats with packed panels: PRODUCT_ROWS rows by 1 to 4 vectors of columns in registers, the panel's
 * slice in the L1 cache, the rows read where they lie. Included once by each kernels-ISA.c. */

#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"

#define PRODUCT_ROWS 6
#define PRODUCT_PANEL (PRODUCT_VECTORS * LANES)

/* One block of sums. `vectors` is a constant in each caller, so that the compiler keeps all sums in
 * registers. `ahead` moves on by `step` bytes with each k: so what is needed next arrives at an even pace
 * while the units are busy here. */
static inline __attribute__((always_inline)) void product_block(
                const Product *p, const void *const *rows, float *sums, const char *ahead, size_t step,
                const int vectors)
{
        Vec acc[PRODUCT_ROWS][PRODUCT_VECTORS] = {};
        const float *row[PRODUCT_ROWS], *panel = p->panel;
        const size_t depth = p->depth;

        for (int i = 0; i < PRODUCT_ROWS; i++)
                row[i] = (const float *)rows[i] + p->offset;

#pragma GCC unroll 4
        for (size_t k = 0; k < depth; k++, panel += vectors * LANES) {
                Vec b[PRODUCT_VECTORS];

                __builtin_prefetch(ahead + k * step, 0, 2);
#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++)
                        b[j] = vec_load(panel + j * LANES);
#pragma GCC unroll 6
                for (int i = 0; i < PRODUCT_ROWS; i++) {
                        Vec a = vec_set(row[i][k]);
#pragma GCC unroll 4
                        for (int j = 0; j < vectors; j++)
                                acc[i][j] = vec_fma(a, b[j], acc[i][j]);
                }
        }

#pragma GCC unroll 6
        for (int i = 0; i < PRODUCT_ROWS; i++)
#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++) {
                        float *sum = sums + i * p->stride + j * LANES;
                        vec_store(sum, p->add ? vec_load(sum) + acc[i][j] : acc[i][j]);
                }
}

static inline __attribute__((always_inline)) void product_blocks(const Product *p, const int vectors)
{
        const size_t blocks = (p->m + PRODUCT_ROWS - 1) / PRODUCT_ROWS,
                     step = p->ahead_size / (blocks * p->depth);
        const char *ahead = p->ahead;

        for (size_t i = 0; i < p->m; i += PRODUCT_ROWS, ahead += step * p->depth)
                product_block(p, p->rows + i, p->sums + i * p->stride, ahead, step, vectors);
}

static void product(const Product *p)
{
        switch (p->width / LANES) {
        case 1:
                product_blocks(p, 1);
                break;
        case 2:
                product_blocks(p, 2);
                break;
#if PRODUCT_VECTORS == 4
        case 3:
                product_blocks(p, 3);
                break;
        case 4:
                product_blocks(p, 4);
                break;
#endif
        }
}

const Products OWN_PRODUCTS = {
        .name = "own",
        .precision = PRECISION_F32,
        .lanes = LANES,
        .rows = PRODUCT_ROWS,
        .group = 1,
        .step = 1,
        .panel = PRODUCT_PANEL,
        .depth = 128, /* by 64 floats (AVX-512) 32 KiB */
        .tile_rows = 16 * PRODUCT_ROWS,
        .multiply = product,
};

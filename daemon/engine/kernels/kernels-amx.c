/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

/* AVX-512 with tiles of bfloat16 and of bytes; or, emulated for tests, AVX2 with the same tiles in software. */

#include "engine/kernels/pointwise.inc.h"
#include "engine/kernels/norm.inc.h"
#include "engine/kernels/winograd.inc.h"
#include "engine/kernels/tables.h"
#include "engine/kernels/product-tiles.inc.h"

static const Products tile_products_bf16 = {
        .name = "amx-bf16", .precision = PRECISION_BF16, TILE_PRODUCTS(2), .multiply = tile_product_bf16
};
static const Products tile_products_bytes = {
        .name = "amx-int8", .precision = PRECISION_INT8, TILE_PRODUCTS(4), .multiply = tile_product_bytes
};

#if defined(TILES_EMULATED)
/* Products of floats with panels as wide as the others': adapters rely on it. The compiler makes vectors of it. */
static void plain_product(const Product *p)
{
        for (size_t i = 0; i < p->m; i++) {
                const float *row = (const float *)p->rows[i] + p->offset, *line = p->panel;
                float *sums = p->sums + i * p->stride;

                if (!p->add)
                        memset(sums, 0, p->width * sizeof *sums);
                for (size_t k = 0; k < p->depth; k++, line += p->width)
                        for (size_t j = 0; j < p->width; j++)
                                sums[j] = __builtin_fmaf(row[k], line[j], sums[j]);
        }
}

static const Products float_products = {
        .name = "own", .precision = PRECISION_F32, .lanes = TILE_LANES, .rows = 1, .group = 1, .step = 1,
        .panel = TILE_PANEL, .depth = 128, .tile_rows = 96, .multiply = plain_product
};
#else
#define float_products avx512_products
#endif

const Kernels kernels_amx = {
        .name = "amx",
        POINTWISE_KERNELS,
        .products = {
                [PRECISION_F32] = &float_products,
                [PRECISION_BF16] = &tile_products_bf16,
                [PRECISION_INT8] = &tile_products_bytes,
        },
};

#endif

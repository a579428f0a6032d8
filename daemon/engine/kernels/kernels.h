/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inner loops, per instruction set and library: one table each (kernels-avx512.c, kernels-avx2.c,
 * kernels-generic.c), chosen in kernels.c. Everything above calls through the table and knows no instruction
 * set. Nothing here allocates, starts threads or reads more than it is told; floats need no alignment unless
 * it is said. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows that a product computes at once: row lists and sums are padded to a multiple of it. */
#define KERNELS_ROWS 6
#define KERNELS_LANES_MAX 16
#define KERNELS_PANEL_MAX 256

/* What is done with a finished sum before it is stored. */
typedef enum Finish {
        FINISH_PLAIN,
        FINISH_SILU, /* x / (1 + e^-x) */
        FINISH_GELU, /* x * Phi(x), Phi the normal distribution function */
        FINISH_QUICK_GELU, /* x / (1 + e^(-1.702 x)) */
        FINISH_PRELU, /* x, where it is negative times its column's slope (He et al. 2015) */
        FINISH_GEGLU, /* the left half of the panel times gelu of its right half (Shazeer 2020) */
} Finish;

/* How weights are kept in memory: as they came, for half the size is half the time to fetch them. */
typedef enum WeightType {
        WEIGHT_F32,
        WEIGHT_F16,
        WEIGHT_BF16,
} WeightType;

static inline size_t weight_size(WeightType type)
{
        return type == WEIGHT_F32 ? sizeof(float) : sizeof(uint16_t);
}

/* Rows by one slice of a packed panel. */
typedef struct Product {
        const float *const *rows; /* m, padded to a multiple of KERNELS_ROWS by pointers that may be read */
        size_t offset; /* where in the rows the slice begins */
        size_t m;
        size_t depth; /* elements of a row that are multiplied, and rows of the slice */
        const float *panel; /* [depth][width] */
        size_t width; /* a multiple of lanes, at most `panel` of the table */
        float *sums; /* as many rows as there are pointers */
        size_t stride; /* of the sums' rows, in floats */
        bool add; /* to what the sums hold already */
        const void *ahead; /* what will be read next, to be fetched meanwhile; any address does no harm */
        size_t ahead_size; /* bytes */
        float *scratch; /* m * depth floats */
} Product;

/* Where the sums of one panel go. */
typedef struct Output {
        const float *bias; /* NULL, or as many as the panel is wide */
        const float *slopes; /* for FINISH_PRELU, as many as the panel is wide */
        Finish finish; /* for FINISH_GEGLU the gates begin at half the panel's width, and n counts results */
        const float *residual; /* NULL, or what is added, laid out as `data`, and may be it */
        float *data;
        size_t stride; /* floats between rows */
} Output;

typedef struct Kernels {
        const char *name, *products;
        unsigned lanes; /* floats in a vector */
        unsigned panel; /* columns in a full panel of packed weights, a multiple of 2 * lanes */
        unsigned depth; /* of a slice of a panel, which is to stay in the L1 cache */
        unsigned tile_rows; /* rows in a tile of a product, a multiple of KERNELS_ROWS */

        /* sums[i][j] (+)= sum over k of rows[i][offset + k] * panel[k][j], for i < m and j < width. */
        void (*product)(const Product *product);

        /* n stored weights as floats; exact. */
        void (*widen)(float *ret, const void *weights, size_t n, WeightType type);

        /* out[i][j] = finish(sums[i][j] + bias[j]) + residual[i][j] for i < m and j < n. */
        void (*finish)(const float *sums, size_t sums_stride, size_t m, size_t n, size_t width,
                       const Output *output);

        /* x[i] = e^(x[i] * scale - top) for i < n; returns their sum. */
        float (*exp_sum)(float *x, size_t n, float scale, float top);
        float (*maximum)(const float *x, size_t n); /* n >= 1 */
        void (*scale)(float *x, size_t n, float factor);
        void (*add)(float *out, const float *a, const float *b, size_t n);
        void (*activate)(float *out, const float *x, size_t n, Finish finish); /* not FINISH_GEGLU, FINISH_PRELU */

        /* Mean and sum of squared differences from it, for each group of neighbouring channels, over `rows`
         * rows that lie `channels` apart. scratch: channels floats. */
        void (*moments)(const float *x, size_t rows, size_t channels, size_t groups, float *ret_means,
                        float *ret_squares, float *scratch);

        /* out = (x - mean) * factor + shift, each per channel, then SiLU if asked for. out may be x. */
        void (*normalise)(
                        float *out, const float *x, size_t rows, size_t channels, const float *mean,
                        const float *factor, const float *shift, bool silu);

        /* Each row by its own mean and variance. out may be x. */
        void (*layer_norm)(
                        float *out, const float *x, size_t rows, size_t channels, const float *gamma,
                        const float *beta, float eps);
} Kernels;

/* The best table that this processor can run (see base/cpu.h for IMAGINED_ISA). IMAGINED_PRODUCTS=openblas
 * lets OpenBLAS compute the products, which it does anyway where there are none of our own. */
const Kernels *kernels_get(void);

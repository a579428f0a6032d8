/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inner loops, per instruction set and library: one table each (kernels-ISA.c), chosen in kernels.c. Everything above calls through the table and knows no instruction
 * set. Nothing here allocates, starts threads or reads more than it is told; floats need no alignment unless
 * it is said. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/precision.h"

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
        WEIGHT_Q8_0, /* blocks along the rows of a stored matrix, as ggml has them: a scale (F16) for WEIGHT_BLOCK bytes */
        WEIGHT_Q4_0, /* the same for as many halves of bytes, 8 more than they stand for: the lower ones first */
} WeightType;

#define WEIGHT_BLOCK 32

static inline bool weight_has_blocks(WeightType type)
{
        return type == WEIGHT_Q8_0 || type == WEIGHT_Q4_0;
}

/* The bytes of n weights, which are whole blocks. */
static inline size_t weight_bytes(WeightType type, size_t n)
{
        switch (type) {
        case WEIGHT_F32:
                return n * sizeof(float);
        case WEIGHT_Q8_0:
                return n / WEIGHT_BLOCK * (sizeof(uint16_t) + WEIGHT_BLOCK);
        case WEIGHT_Q4_0:
                return n / WEIGHT_BLOCK * (sizeof(uint16_t) + WEIGHT_BLOCK / 2);
        default:
                return n * sizeof(uint16_t);
        }
}

/* Rows by one slice of a packed panel. Elements are float, bfloat16 (as uint16_t), or unsigned bytes in rows and signed ones
 * in panels; `group` of them stand together where their products are summed in one go. */
typedef struct Product {
        const void *const *rows; /* m, padded to a multiple of the table's `rows` by pointers that may be read */
        size_t offset; /* where in the rows the slice begins, in elements */
        size_t m;
        size_t depth; /* elements of a row that are multiplied, and of a column of the slice; whole steps */
        const void *panel; /* [depth / group][width][group] */
        size_t width; /* a multiple of lanes, at most `panel` of the table */
        float *sums; /* as many rows as there are pointers; of bytes the sums are int32_t */
        size_t stride; /* of the sums' rows, in floats */
        bool add; /* to what the sums hold already */
        const void *ahead; /* what will be read next, to be fetched meanwhile; any address does no harm */
        size_t ahead_size; /* bytes */
        void *scratch; /* m, padded as `rows`, * depth floats; 64-byte aligned */
} Product;

/* How products are computed in one precision, and what they want their sides to look like. */
typedef struct Products {
        const char *name;
        Precision precision;
        unsigned lanes; /* sums in a vector */
        unsigned rows; /* that are computed at once: lists of rows, and sums, are padded to a multiple of it */
        unsigned group; /* 1 for floats, 2 for bfloat16, 4 for bytes, so that it makes 4 bytes */
        unsigned step; /* elements that are multiplied at once, whole groups: rows and columns are filled up to whole
                          steps with zeros */
        unsigned panel; /* columns in a full panel of packed weights, a multiple of 2 * lanes */
        unsigned depth; /* of a slice of a panel, which is to stay in a near cache; whole steps */
        unsigned tile_rows; /* rows in a tile of a product, a multiple of `rows` */
        bool uneven; /* whether the bits of a row's sums may depend on how many rows there are */

        /* NULL, or what a thread calls before some products, and after them. */
        void (*enter)(void);
        void (*leave)(void);

        /* sums[i][j] (+)= sum over k of rows[i][offset + k] * column j's element k, for i < m and j < width. */
        void (*multiply)(const Product *product);
} Products;

/* Bytes of an element of the rows and of packed panels. */
static inline size_t products_element(const Products *products)
{
        return sizeof(float) / products->group;
}

/* That many elements filled up to whole steps. */
static inline size_t products_length(const Products *products, size_t n)
{
        return (n + products->step - 1) / products->step * products->step;
}

static inline void products_enter(const Products *products)
{
        if (products->enter)
                products->enter();
}

static inline void products_leave(const Products *products)
{
        if (products->leave)
                products->leave();
}

/* What bytes stand for: the number of a row is factor * (byte - zero). */
typedef struct ByteScale {
        float factor;
        int32_t zero; /* 0 to 255 */
} ByteScale;

/* The bytes 0 to 255 stand for what lies between the two, and 0 for exactly one of them. least <= 0 <= most. */
static inline ByteScale byte_scale_of(float least, float most)
{
        const float factor = (most - least) / 255;
        return (ByteScale) { .factor = factor, .zero = factor > 0 ? (int32_t)(-least / factor + 0.5f) : 0 };
}

/* Where the sums of one panel go. */
typedef struct Output {
        const float *bias; /* NULL, or as many as the panel is wide */
        const float *slopes; /* for FINISH_PRELU, as many as the panel is wide */
        Finish finish; /* for FINISH_GEGLU the gates begin at half the panel's width, and n counts results */
        const float *residual; /* NULL, or what is added, laid out as `data`, and may be it */
        void *data;
        size_t stride; /* numbers between rows, of the residual too */
        bool halves; /* data is bfloat16; the residual never is */
        const ByteScale *scales; /* NULL, or one for each row, where the sums are of bytes: see dequantise(), */
        const float *column_factors; /* of which these are as many as the panel is wide */
        const int32_t *column_sums;
} Output;

/* Winograd's convolution by 3x3 weights (winograd.inc.h): tiles of so many pixels along a side, and what they are made of. */
enum {
        WINOGRAD_OUTPUT = 4,
        WINOGRAD_INPUT = WINOGRAD_OUTPUT + 2,
        WINOGRAD_POSITIONS = WINOGRAD_INPUT * WINOGRAD_INPUT,
};

/* How attention's scores, sums of query times key, are computed in bytes. Whatever is the same for all keys of a query does not
 * change its weights: so a key's numbers stand as unsigned bytes between the least and the largest that any key has in their place,
 * and what a step of each place is worth goes into the queries, which are signed and have one scale each. */
typedef struct ByteScores {
        const Products *products; /* signed bytes in rows, unsigned ones in panels; sums are int32_t */

        /* The least and the largest of each of n places over all tokens' keys; here and below keys are bfloat16, `stride` numbers
         * apart. */
        void (*key_ranges)(const void *keys, size_t tokens, size_t stride, size_t n, float *ret_least, float *ret_most);
        /* The bytes nearest to (key - least) * inverses. */
        void (*quantise_key)(uint8_t *ret, const void *key, size_t n, const float *least, const float *inverses);
        /* The bytes nearest to query * factors / scale, so that the largest is 127; returns the scale. `halves`: the query is
         * bfloat16. */
        float (*quantise_query)(int8_t *ret, const void *query, size_t n, const float *factors, bool halves);
        /* Of n >= 1 sums. */
        int32_t (*largest)(const float *scores, size_t n);
        /* exp_sum_halves() (below) of sums. */
        float (*exp_sum)(uint16_t *ret, const float *scores, size_t n, float scale, float top);
} ByteScores;

typedef struct Kernels {
        const char *name;
        unsigned lanes; /* floats in a vector */
        const Products *products[PRECISION_MAX]; /* NULL where there is none; floats there always are */
        const ByteScores *byte_scores; /* NULL: there are none */

        /* n stored weights as floats; exact. */
        void (*widen)(float *ret, const void *weights, size_t n, WeightType type);
        /* The same of some rows of a packed panel (tensor/panels.h), which is aligned for its type. */
        void (*widen_panel)(float *ret, const void *panel, size_t first, size_t rows, size_t width, WeightType type);

        /* The other way, to bfloat16, rounded to the nearest, halves to even; a NaN stays one. */
        void (*narrow)(uint16_t *ret, const float *x, size_t n);

        /* The least and the largest of n numbers and 0; and the bytes nearest to x / factor + zero. x: floats, or with
         * `halves` bfloat16. */
        void (*range)(const void *x, size_t n, bool halves, float *ret_least, float *ret_most);
        void (*quantise)(uint8_t *ret, const void *x, size_t n, bool halves, ByteScale scale);
        /* n weights as bytes of -127 to 127, those nearest to x / factor (all 0 if that is 0); returns their sum. */
        int32_t (*quantise_weights)(int8_t *ret, const float *x, size_t n, float factor);
        /* One row of sums of bytes to floats, in place: (sum - zero * column_sum) * factor * column_factor. */
        void (*dequantise)(
                        float *sums, size_t n, ByteScale scale, const float *column_factors,
                        const int32_t *column_sums);

        /* out[i][j] = finish(sums[i][j] + bias[j]) + residual[i][j] for i < m and j < n. */
        void (*finish)(const float *sums, size_t sums_stride, size_t m, size_t n, size_t width,
                       const Output *output);

        /* x[i] = e^(x[i] * scale - top) for i < n; returns their sum. */
        float (*exp_sum)(float *x, size_t n, float scale, float top);
        /* The same to bfloat16 elsewhere, of numbers whose results are at most 1. */
        float (*exp_sum_halves)(uint16_t *ret, const float *x, size_t n, float scale, float top);
        float (*maximum)(const float *x, size_t n); /* n >= 1 */
        void (*scale)(float *x, size_t n, float factor);
        void (*add)(float *out, const float *a, const float *b, size_t n);
        void (*activate)(float *out, const float *x, size_t n, Finish finish); /* not FINISH_GEGLU, FINISH_PRELU */

        /* Mean and sum of squared differences from it, for each group of neighbouring channels, over `rows`
         * rows that lie `channels` apart. scratch: channels floats. */
        void (*moments)(const float *x, size_t rows, size_t channels, size_t groups, float *ret_means,
                        float *ret_squares, float *scratch);

        /* out = (x - mean) * factor + shift, each per channel, then SiLU if asked for. out may be x. With `halves` it is
         * bfloat16, here and below. */
        void (*normalise)(
                        void *out, const float *x, size_t rows, size_t channels, const float *mean,
                        const float *factor, const float *shift, bool silu, bool halves);

        /* Each row by its own mean and variance. out may be x. */
        void (*layer_norm)(
                        void *out, const float *x, size_t rows, size_t channels, const float *gamma,
                        const float *beta, float eps, bool halves);
        /* The same to bytes, each row with a scale of its own. scratch: channels floats. */
        void (*layer_norm_bytes)(
                        uint8_t *out, ByteScale *ret_scales, const float *x, size_t rows, size_t channels,
                        const float *gamma, const float *beta, float eps, float *scratch);

        /* Winograd's transformations of n neighbouring numbers each. Of a tile's pixels, line by line, to WINOGRAD_POSITIONS rows
         * that begin `stride` bytes apart; */
        void (*winograd_inputs)(
                        void *ret, size_t stride, const void *const *pixels, size_t n, bool halves, bool to_halves);
        /* of whole vectors of weights, nine taps tap_stride bytes apart (with to_halves of bfloat16), likewise; */
        void (*winograd_weights)(
                        void *ret, size_t stride, const void *taps, size_t tap_stride, size_t n, WeightType type,
                        bool to_halves);
        /* of whole vectors of groups of bytes in a panel so wide, n bytes, to bfloat16: a number is factors[column] * byte; */
        void (*winograd_weights_of_bytes)(
                        void *ret, size_t stride, const void *taps, size_t tap_stride, size_t n, size_t width,
                        const float *factors);
        /* and of whole vectors of sums, `stride` floats apart from position to position, to the tile's pixels: those lie `pixel`
         * floats apart, and its lines `row`. */
        void (*winograd_outputs)(float *ret, size_t row, size_t pixel, const float *sums, size_t stride, size_t n);
} Kernels;

/* The best table that this processor can run, and the system lets it (see base/cpu.h for IMAGINED_ISA). IMAGINED_PRODUCTS=openblas
 * lets OpenBLAS compute the products of floats, which it does anyway where there are none of our own. */
const Kernels *kernels_get(void);

/* What is computed where `wanted` is asked for: itself, or else floats. `automatic` is what PRECISION_AUTO means. */
Precision kernels_precision(Precision wanted, Precision automatic);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A weight matrix, packed once at load for the products of the kernels in use: panels of columns, each with
 * its rows one after another, so that the inner loop reads it from front to back. A 3x3 convolution is a
 * product too: nine matrices, one for each tap, of which a row is an input pixel. */

#include "engine/kernels/kernels.h"
#include "engine/tensor/compute.h"

typedef struct Matrix {
        const Kernels *kernels;
        uint32_t n; /* columns: output channels (or features) */
        uint32_t k; /* input channels */
        uint32_t taps; /* 1, or 9 */
        bool gated; /* GEGLU: n value columns and n gates, side by side in each panel */
        WeightType type;
        void *panels; /* both belong to the arena */
        float *bias; /* NULL, or packed in the panels' order */
        const struct Adapter *adapters; /* what is added to the product for the time being; NULL: nothing */
} Matrix;

/* A change of low rank to a matrix (LoRA; Hu et al. 2021): rows * matrix + (rows * down) * up. The matrix itself stays as
 * it is. */
typedef struct Adapter {
        const struct Adapter *next;
        Matrix down; /* as many input channels and taps as the matrix, `rank` columns; no bias */
        Matrix up; /* of `rank` rows, laid out as the matrix; its scale is in it */
} Adapter;

/* What a matrix is made of, as PyTorch stores it. */
typedef struct MatrixSource {
        uint32_t n, k, taps;
        bool gated;
        WeightType type;
        const void *weights; /* [n][k][taps], with `gated` [2 n][k]: values, then gates; aligned for their
                                type */
        const float *bias; /* NULL, or as many as there are columns */
} MatrixSource;

/* Of weights that an earlier load has packed (arena_is_filled()) only the places are taken: of the source, its weights and
 * the numbers of its bias are not read. False if there is no memory. */
bool matrix_pack(Matrix *ret, Arena *arena, const MatrixSource *source);

/* Where the rows of the left side lie: writes `count` pointers to k floats each, for the rows from `first`
 * on, as tap `tap` sees them. */
typedef void RowsFunction(const void *source, size_t first, size_t count, unsigned tap, const float **ret);

/* out = rows * matrix, finished as `output` says (its bias is taken from the matrix if it is NULL). */
void matrix_product(
                Compute *c, const Matrix *matrix, size_t m, RowsFunction *rows, const void *source,
                const Output *output);

/* x: [n, h, w, k] to out: [n, h, w, matrix->n]; residual: NULL, or a tensor like out, which may be out
 * itself. */
void linear(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
            const Tensor *out);

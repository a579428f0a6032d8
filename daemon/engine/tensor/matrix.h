/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A weight matrix, packed once at load for the products of the kernels in use and a precision: panels of columns, each
 * with its rows one after another, so that the inner loop reads it from front to back. A 3x3 convolution is a
 * product too: nine matrices, one for each tap, of which a row is an input pixel. */

#include "engine/kernels/kernels.h"
#include "engine/tensor/backlog.h"
#include "engine/tensor/compute.h"

typedef struct Matrix {
        const Kernels *kernels;
        const Products *products;
        uint32_t n; /* columns: output channels (or features) */
        uint32_t k; /* input channels */
        uint32_t taps; /* 1, or 9 */
        bool gated; /* GEGLU: n value columns and n gates, side by side in each panel */
        WeightType type; /* of products of floats: as they are stored */
        void *panels; /* all of them belong to the arena */
        Task *task; /* that fills them; NULL: they are filled */
        float *bias; /* NULL, or packed in the panels' order */
        float *column_factors; /* for bytes: what a weight of 1 stands for in each packed column */
        int32_t *column_sums; /* for bytes: of all weights of each packed column */
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
        Precision precision; /* PRECISION_AUTO, or one that the kernels lack: floats */
        WeightType type; /* of blocks: there is one tap, and k is whole blocks */
        const void *weights; /* [n][k][taps], with `gated` [2 n][k]: values, then gates; aligned for their
                                type, which blocks need not be */
        const float *bias; /* NULL, or as many as there are columns */
} MatrixSource;

/* False if there is no memory. */
bool matrix_pack(Matrix *ret, Arena *arena, const MatrixSource *source);

/* The same in two steps: first the places, for the bias one of its own, which is filled, and then, unless an earlier load
 * has packed them (arena_is_filled()), the weights. Until then the source's are not read. */
bool matrix_lay_out(Matrix *ret, Arena *arena, Arena *bias_arena, const MatrixSource *source);
bool matrix_fill(const Matrix *matrix, const MatrixSource *source);

/* Bytes of a packed column. */
size_t matrix_column_bytes(const Matrix *matrix);

/* What the matrix likes best to read, and what others should write for it; it takes floats too. */
TensorType matrix_reads(const Matrix *matrix);

/* The same for who writes whole rows at once, which all of these matrices will read: they may be bytes. */
TensorType matrices_read(const Matrix *const *matrices, size_t n);

/* Which rows of x the left side of a product has. */
#define ROW_BEYOND UINT32_MAX /* a row of zeros */
typedef void RowsFunction(const void *source, size_t first, size_t count, unsigned tap, uint32_t *ret);
typedef struct Rows {
        const Tensor *x; /* [n, …, k] */
        size_t m; /* rows of the product, the same number for each of the n */
        RowsFunction *find; /* writes the numbers of `count` rows from `first` on, as tap `tap` sees them; NULL: row i
                               of x is row i */
        const void *source; /* for it */
} Rows;

/* out = rows * matrix, finished as `output` says (its bias is taken from the matrix if it is NULL). */
void matrix_product(Compute *c, const Matrix *matrix, const Rows *rows, const Output *output);

/* x: [n, h, w, k] to out: [n, h, w, matrix->n]; residual: NULL, or a tensor like out, which may be out
 * itself. */
void linear(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
            const Tensor *out);

/* The same with the bytes that each row would have alone: for rows that belong together by chance. */
void linear_rows(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
                 const Tensor *out);

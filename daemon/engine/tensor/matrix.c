/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>

#include "base/util.h"
#include "engine/tensor/matrix.h"

size_t panel_width(const Kernels *kernels, size_t n, size_t column)
{
        size_t rest = (n - column + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
        return MIN(rest, (size_t)kernels->panel);
}

size_t panels_size(const Kernels *kernels, size_t n, size_t k)
{
        return (n + kernels->lanes - 1) / kernels->lanes * kernels->lanes * k;
}

/* 16 by 16 at a time, so that lines of both sides stay in the cache while they are turned. */
static void pack_panel(
                float *ret, size_t width, const float *data, size_t n, size_t k, size_t column_stride, size_t row_stride)
{
        enum { BLOCK = 16 };

        for (size_t row0 = 0; row0 < k; row0 += BLOCK)
                for (size_t column0 = 0; column0 < width; column0 += BLOCK)
                        for (size_t column = column0; column < MIN(column0 + BLOCK, width); column++)
                                for (size_t row = row0; row < MIN(row0 + BLOCK, k); row++)
                                        ret[row * width + column] =
                                                        column < n ? data[row * row_stride + column * column_stride] : 0;
}

void panels_pack(
                const Kernels *kernels, float *ret, const float *data, size_t n, size_t k, size_t column_stride,
                size_t row_stride)
{
        for (size_t column = 0; column < n; column += kernels->panel) {
                size_t width = panel_width(kernels, n, column);
                pack_panel(ret, width, data + column * column_stride, n - column, k, column_stride, row_stride);
                ret += width * k;
        }
}

/* Columns of the packed matrix, with what fills up the last panel. */
static size_t packed_columns(const Matrix *m)
{
        const Kernels *kernels = m->kernels;

        if (m->gated) /* whole panels only: half values, half gates */
                return (m->n + kernels->panel / 2 - 1) / (kernels->panel / 2) * kernels->panel;
        return (m->n + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
}

/* The stored column of packed column j, or -1 where there is none. */
static int64_t stored_column(const Matrix *m, size_t j)
{
        if (!m->gated)
                return j < m->n ? (int64_t)j : -1;

        size_t half = m->kernels->panel / 2, within = j % m->kernels->panel;
        size_t value = j / m->kernels->panel * half + within % half;
        if (value >= m->n)
                return -1;
        return (int64_t)(within < half ? value : m->n + value);
}

static void pack_gated(const Matrix *m, const float *weights)
{
        const size_t panel = m->kernels->panel, half = panel / 2;

        for (size_t column = 0; column < m->n; column += half) {
                float *ret = m->panels + column * 2 * m->k;
                for (size_t j = 0; j < panel; j++) {
                        int64_t from = stored_column(m, column * 2 + j);
                        for (size_t row = 0; row < m->k; row++)
                                ret[row * panel + j] = from < 0 ? 0 : weights[(size_t)from * m->k + row];
                }
        }
}

/* A convolution's weights: the taps of a channel lie together, and each tap gets a matrix of its own in the panel. */
static void pack_taps(const Matrix *m, const float *weights)
{
        const Kernels *kernels = m->kernels;
        const size_t panel_count = (m->n + kernels->panel - 1) / kernels->panel, length = (size_t)m->k * m->taps;

#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < panel_count; i++) {
                size_t column = i * kernels->panel, width = panel_width(kernels, m->n, column);
                for (size_t tap = 0; tap < m->taps; tap++)
                        pack_panel(m->panels + column * length + tap * m->k * width, width,
                                   weights + column * length + tap, m->n - column, m->k, length, m->taps);
        }
}

bool matrix_pack(Matrix *ret, Arena *arena, uint32_t n, uint32_t k, uint32_t taps, bool gated, const float *weights,
                 const float *bias)
{
        Matrix m = { .kernels = kernels_get(), .n = n, .k = k, .taps = taps, .gated = gated };
        const size_t columns = packed_columns(&m);

        assert(!gated || taps == 1);
        m.panels = arena_alloc(arena, columns * k * taps);
        m.bias = bias ? arena_alloc(arena, columns) : NULL;
        if (!m.panels || (bias && !m.bias))
                return false;

        if (gated)
                pack_gated(&m, weights);
        else
                pack_taps(&m, weights);
        for (size_t j = 0; bias && j < columns; j++) {
                int64_t from = stored_column(&m, j);
                m.bias[j] = from < 0 ? 0 : bias[from];
        }
        *ret = m;
        return true;
}

typedef struct Product {
        const Matrix *matrix;
        size_t m;
        RowsFunction *rows;
        const void *source;
        Output output;
        size_t tile_rows, row_tiles; /* tiles that share a panel follow one another */
} Product;

/* Scratch of a tile: the sums, then what a library may need, then the row pointers. */
static size_t product_scratch(const Kernels *kernels, size_t tile_rows)
{
        return tile_rows * kernels->panel + tile_rows * kernels->depth + tile_rows * sizeof(float *) / sizeof(float);
}

static void product_tile(const void *job, size_t i, float *scratch)
{
        const Product *p = job;
        const Matrix *matrix = p->matrix;
        const Kernels *kernels = matrix->kernels;
        const size_t per_panel = matrix->gated ? kernels->panel / 2 : kernels->panel;
        const size_t first = i % p->row_tiles * p->tile_rows, m = MIN(p->tile_rows, p->m - first);
        const size_t column = i / p->row_tiles * per_panel, n = MIN(per_panel, matrix->n - column);
        const size_t width = matrix->gated ? kernels->panel : panel_width(kernels, matrix->n, column);
        const size_t packed = matrix->gated ? 2 * column : column; /* packed columns before this panel */
        const size_t blocks = (matrix->k + kernels->depth - 1) / kernels->depth;
        const size_t depth = (matrix->k + blocks - 1) / blocks;
        const float *panel = matrix->panels + packed * matrix->k * matrix->taps;
        float *sums = scratch, *library = sums + p->tile_rows * kernels->panel;
        const float **rows = (const float **)(library + p->tile_rows * kernels->depth);

        for (unsigned tap = 0; tap < matrix->taps; tap++) {
                p->rows(p->source, first, m, tap, rows);
                for (size_t row = m; row % KERNELS_ROWS != 0; row++)
                        rows[row] = rows[0];
                for (size_t k = 0; k < matrix->k; k += depth) {
                        size_t d = MIN(depth, matrix->k - k);
                        kernels->product(rows, k, m, d, panel, width, sums, kernels->panel, tap > 0 || k > 0, library);
                        panel += d * width;
                }
        }

        Output output = p->output;
        size_t at = first * output.stride + column;
        output.bias = output.bias ? output.bias + packed : NULL;
        output.residual = output.residual ? output.residual + at : NULL;
        output.data += at;
        kernels->finish(sums, kernels->panel, m, n, width, &output);
}

void matrix_product(
                Compute *c, const Matrix *matrix, size_t m, RowsFunction *rows, const void *source, const Output *output)
{
        const Kernels *kernels = matrix->kernels;
        const size_t per_panel = matrix->gated ? kernels->panel / 2 : kernels->panel;
        /* Fewer rows than a tile has room for: no need for scratch beyond them. */
        const size_t wanted = (m + KERNELS_ROWS - 1) / KERNELS_ROWS * KERNELS_ROWS;
        const size_t tile_rows = MIN((size_t)kernels->tile_rows, wanted);
        Product product = {
                .matrix = matrix,
                .m = m,
                .rows = rows,
                .source = source,
                .output = *output,
                .tile_rows = tile_rows,
                .row_tiles = (m + tile_rows - 1) / tile_rows,
        };

        if (!product.output.bias)
                product.output.bias = matrix->bias;
        c->flops += 2.0 * (double)m * matrix->k * matrix->taps * matrix->n * (matrix->gated ? 2 : 1);
        compute_tiles(c, product.row_tiles * ((matrix->n + per_panel - 1) / per_panel),
                      product_scratch(kernels, tile_rows), product_tile, &product);
}

static void tensor_rows_at(const void *source, size_t first, size_t count, unsigned tap, const float **ret)
{
        const Tensor *x = source;

        (void)tap;
        for (size_t i = 0; i < count; i++)
                ret[i] = x->data + (first + i) * x->c;
}

void linear(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual, const Tensor *out)
{
        Output output = {
                .finish = matrix->gated ? FINISH_GEGLU : finish,
                .residual = residual ? residual->data : NULL,
                .data = out->data,
                .stride = out->c,
        };

        assert(x->c == matrix->k && out->c == matrix->n && matrix->taps == 1);
        if (c->error == 0)
                matrix_product(c, matrix, tensor_rows(x), tensor_rows_at, x, &output);
}

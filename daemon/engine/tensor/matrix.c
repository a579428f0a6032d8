/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/matrix.h"
#include "engine/tensor/panels.h"

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

/* The bytes before that many elements. */
static size_t bytes(const Matrix *m, size_t elements)
{
        return elements * weight_size(m->type);
}

/* Columns of the source from `from` on, at most `columns` and none from `limit` on, into a panel at an
 * offset. */
static void pack_columns(
                const Matrix *m, const MatrixSource *source, char *panel, size_t width, size_t from,
                size_t limit, size_t columns)
{
        const size_t length = (size_t)m->k * m->taps;
        PanelColumns p = {
                .columns = MIN(columns, limit - from),
                .rows = m->k,
                .taps = m->taps,
                .column_stride = length,
                .row_stride = m->taps,
                .width = width,
        };

        panel_pack(panel, (const char *)source->weights + bytes(m, from * length), m->type, &p);
}

static void pack_panel(const Matrix *m, const MatrixSource *source, size_t i)
{
        const Kernels *kernels = m->kernels;
        const size_t column = i * kernels->panel, length = (size_t)m->k * m->taps, half = kernels->panel / 2;
        const size_t width = m->gated ? kernels->panel : panel_width(kernels, m->n, column);
        char *panel = (char *)m->panels + bytes(m, column * length);

        memset(panel, 0, bytes(m, width * length));
        if (m->gated) {
                pack_columns(m, source, panel, width, i * half, m->n, half);
                pack_columns(m, source, panel + bytes(m, half), width, m->n + i * half, 2 * (size_t)m->n,
                             half);
        } else
                pack_columns(m, source, panel, width, column, m->n, width);
}

static void fill(const Matrix *m, const MatrixSource *source, size_t columns)
{
        const size_t panels = (columns + m->kernels->panel - 1) / m->kernels->panel;

#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < panels; i++)
                pack_panel(m, source, i);
        for (size_t j = 0; source->bias && j < columns; j++) {
                int64_t from = stored_column(m, j);
                m->bias[j] = from < 0 ? 0 : source->bias[from];
        }
}

bool matrix_pack(Matrix *ret, Arena *arena, const MatrixSource *source)
{
        Matrix m = {
                .kernels = kernels_get(),
                .n = source->n,
                .k = source->k,
                .taps = source->taps,
                .gated = source->gated,
                .type = source->type,
        };
        const size_t columns = packed_columns(&m);
        const size_t size = bytes(&m, columns * m.k * m.taps);

        assert(!m.gated || m.taps == 1);
        m.panels = arena_alloc(arena, (size + sizeof(float) - 1) / sizeof(float));
        m.bias = source->bias ? arena_alloc(arena, columns) : NULL;
        if (!m.panels || (source->bias && !m.bias))
                return false;

        if (!arena_is_filled(arena))
                fill(&m, source, columns);
        *ret = m;
        return true;
}

#define ADAPTERS_MAX 16 /* at one matrix */

typedef struct ProductJob {
        const Matrix *matrix;
        size_t m;
        RowsFunction *rows;
        const void *source;
        Output output;
        size_t tile_rows, row_tiles; /* tiles that share a panel follow one another */
        const float *reduced[ADAPTERS_MAX]; /* [m][rank]: the rows as each adapter has reduced them */
} ProductJob;

/* Scratch of a tile: the sums, the widened slice of the panel, what a library may need, the row pointers. */
static size_t product_scratch(const Kernels *kernels, size_t tile_rows)
{
        const size_t pointers = tile_rows * sizeof(float *) / sizeof(float);
        return tile_rows * kernels->panel + kernels->depth * kernels->panel + tile_rows * kernels->depth +
               pointers;
}

/* Slice by slice through the panel, which lies in memory in just that order. */
static void multiply_tap(const Matrix *matrix, Product *product, const char **panel, float *slice)
{
        const Kernels *kernels = matrix->kernels;
        const size_t slices = (matrix->k + kernels->depth - 1) / kernels->depth;
        const size_t depth = (matrix->k + slices - 1) / slices,
                     row = product->width * weight_size(matrix->type);

        for (size_t k = 0; k < matrix->k; k += depth) {
                product->offset = k;
                product->depth = MIN(depth, matrix->k - k);
                product->panel = (const float *)*panel;
                if (matrix->type != WEIGHT_F32) {
                        kernels->widen(slice, *panel, product->depth * product->width, matrix->type);
                        product->panel = slice;
                }
                *panel += product->depth * row;
                product->ahead = *panel;
                product->ahead_size = depth * row;
                kernels->product(product);
                product->add = true;
        }
}

static void product_tile(const void *job, size_t i, float *scratch)
{
        const ProductJob *p = job;
        const Matrix *matrix = p->matrix;
        const Kernels *kernels = matrix->kernels;
        const size_t per_panel = matrix->gated ? kernels->panel / 2 : kernels->panel;
        const size_t first = i % p->row_tiles * p->tile_rows, m = MIN(p->tile_rows, p->m - first);
        const size_t column = i / p->row_tiles * per_panel, n = MIN(per_panel, matrix->n - column);
        const size_t width = matrix->gated ? kernels->panel : panel_width(kernels, matrix->n, column);
        const size_t packed = matrix->gated ? 2 * column : column; /* packed columns before this panel */
        const char *panel = (const char *)matrix->panels +
                            packed * matrix->k * matrix->taps * weight_size(matrix->type);
        float *sums = scratch, *slice = sums + p->tile_rows * kernels->panel;
        float *library = slice + kernels->depth * kernels->panel;
        const float **rows = (const float **)(library + p->tile_rows * kernels->depth);
        Product product = { .rows = rows,
                            .m = m,
                            .width = width,
                            .sums = sums,
                            .stride = kernels->panel,
                            .scratch = library };

        for (unsigned tap = 0; tap < matrix->taps; tap++) {
                p->rows(p->source, first, m, tap, rows);
                for (size_t row = m; row % KERNELS_ROWS != 0; row++)
                        rows[row] = rows[0];
                multiply_tap(matrix, &product, &panel, slice);
        }

        size_t adapter = 0;
        for (const Adapter *a = matrix->adapters; a && adapter < ADAPTERS_MAX; a = a->next, adapter++) {
                const char *up = (const char *)a->up.panels + packed * a->up.k * weight_size(a->up.type);

                for (size_t row = 0; row < m; row++)
                        rows[row] = p->reduced[adapter] + (first + row) * a->up.k;
                for (size_t row = m; row % KERNELS_ROWS != 0; row++)
                        rows[row] = rows[0];
                multiply_tap(&a->up, &product, &up, slice);
        }

        Output output = p->output;
        size_t at = first * output.stride + column;
        output.bias = output.bias ? output.bias + packed : NULL;
        output.slopes = output.slopes ? output.slopes + packed : NULL;
        output.residual = output.residual ? output.residual + at : NULL;
        output.data += at;
        kernels->finish(sums, kernels->panel, m, n, width, &output);
}

/* Rows in a tile: many, because each tile fetches its panel anew, but not so many that too few tiles are
 * left to share among threads. Depends on shapes alone. */
static size_t choose_tile_rows(const Kernels *kernels, size_t m, size_t panels)
{
        enum { TILES_WANTED = 24, LARGEST = 4 };
        size_t tiles = 0;

        for (size_t factor = LARGEST; factor > 0 && tiles * panels < TILES_WANTED; factor--)
                tiles = (m + factor * kernels->tile_rows - 1) / (factor * kernels->tile_rows);
        return (m / tiles + (m % tiles != 0) + KERNELS_ROWS - 1) / KERNELS_ROWS * KERNELS_ROWS;
}

/* What each adapter's first half makes of the rows. */
static void reduce_rows(Compute *c, const Matrix *matrix, size_t m, RowsFunction *rows, const void *source, ProductJob *ret)
{
        size_t i = 0;

        for (const Adapter *a = matrix->adapters; a && i < ADAPTERS_MAX; a = a->next, i++) {
                float *reduced = compute_alloc(c, m * a->down.n);
                const Output output = { .finish = FINISH_PLAIN, .data = reduced, .stride = a->down.n };

                if (c->error == 0)
                        matrix_product(c, &a->down, m, rows, source, &output);
                ret->reduced[i] = reduced;
        }
}

void matrix_product(
                Compute *c, const Matrix *matrix, size_t m, RowsFunction *rows, const void *source,
                const Output *output)
{
        const Kernels *kernels = matrix->kernels;
        const size_t per_panel = matrix->gated ? kernels->panel / 2 : kernels->panel;
        const size_t panels = (matrix->n + per_panel - 1) / per_panel;
        const size_t tile_rows = choose_tile_rows(kernels, m, panels);
        ProductJob product = {
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
        ArenaMark mark = arena_mark(c->arena);
        reduce_rows(c, matrix, m, rows, source, &product);
        if (c->error == 0)
                compute_tiles(c, product.row_tiles * panels, product_scratch(kernels, tile_rows), product_tile,
                              &product);
        arena_release(c->arena, mark);
}

static void tensor_rows_at(const void *source, size_t first, size_t count, unsigned tap, const float **ret)
{
        const Tensor *x = source;

        (void)tap;
        for (size_t i = 0; i < count; i++)
                ret[i] = x->data + (first + i) * x->c;
}

void linear(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
            const Tensor *out)
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

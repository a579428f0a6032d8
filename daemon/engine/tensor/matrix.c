/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/tensor/matrix.h"
#include "engine/tensor/panels.h"

/* Columns of the packed matrix, with what fills up the last panel. */
static size_t packed_columns(const Matrix *m)
{
        const Products *products = m->products;

        if (m->gated) /* whole panels only: half values, half gates */
                return (m->n + products->panel / 2 - 1) / (products->panel / 2) * products->panel;
        return (m->n + products->lanes - 1) / products->lanes * products->lanes;
}

/* The stored column of packed column j, or -1 where there is none. */
static int64_t stored_column(const Matrix *m, size_t j)
{
        if (!m->gated)
                return j < m->n ? (int64_t)j : -1;

        size_t half = m->products->panel / 2, within = j % m->products->panel;
        size_t value = j / m->products->panel * half + within % half;
        if (value >= m->n)
                return -1;
        return (int64_t)(within < half ? value : m->n + value);
}

size_t matrix_column_bytes(const Matrix *m)
{
        const bool floats = m->products->group == 1;

        if (floats)
                return weight_bytes(m->type, (size_t)m->k * m->taps);
        return products_length(m->products, m->k) * m->taps * products_element(m->products);
}

/* The stored column. */
static const void *column_of(const MatrixSource *source, size_t column)
{
        return (const char *)source->weights + weight_bytes(source->type, column * source->k * source->taps);
}

/* Columns of the source from `from` on, at most `columns` and none from `limit` on, to `first` and what follows in a panel
 * of floats. */
static void pack_columns(
                const MatrixSource *source, char *panel, size_t width, size_t first, size_t from, size_t limit,
                size_t columns)
{
        PanelColumns p = {
                .first = first,
                .columns = MIN(columns, limit - from),
                .rows = source->k,
                .taps = source->taps,
                .column_stride = (size_t)source->k * source->taps,
                .row_stride = source->taps,
                .width = width,
        };

        panel_pack(panel, column_of(source, from), source->type, &p);
}

/* The panel that begins at that packed column. */
static void pack_floats(const Matrix *m, const MatrixSource *source, size_t column, size_t width)
{
        const size_t half = m->products->panel / 2, value = column / 2;
        char *panel = (char *)m->panels + column * matrix_column_bytes(m);

        memset(panel, 0, width * matrix_column_bytes(m));
        if (m->gated) {
                pack_columns(source, panel, width, 0, value, m->n, half);
                pack_columns(source, panel, width, half, m->n + value, 2 * (size_t)m->n, half);
        } else
                pack_columns(source, panel, width, 0, column, m->n, width);
}

/* The largest weight is 127. */
static void quantise_column(const Matrix *m, size_t j, const float *column, int8_t *ret)
{
        const size_t length = (size_t)m->k * m->taps;
        float least, most;

        m->kernels->range(column, length, false, &least, &most);
        const float factor = fmaxf(-least, most) / 127;

        assert(m->column_factors && m->column_sums); /* every matrix of bytes has them */
        m->column_factors[j] = factor;
        m->column_sums[j] = m->kernels->quantise_weights(ret, column, length, factor);
}

#define COLUMNS_AT_ONCE 16

/* Scratch of a panel, all in bytes: a column as floats and as its elements, and some columns as they go into the panel. */
typedef struct PackScratch {
        size_t floats, elements, column;
} PackScratch;

static PackScratch scratch_of(const Matrix *m)
{
        const size_t length = (size_t)m->k * m->taps, column = matrix_column_bytes(m);
        return (PackScratch) { .floats = length * sizeof(float), .elements = length * sizeof(uint16_t), .column = column };
}

/* One packed column, its groups one after another. */
static void pack_column(const Matrix *m, const MatrixSource *source, size_t j, void *ret, void *scratch)
{
        const size_t length = (size_t)m->k * m->taps, padded = products_length(m->products, m->k);
        const int64_t from = stored_column(m, j);
        float *floats = scratch;
        void *elements = floats + length;

        if (from < 0)
                memset(floats, 0, length * sizeof *floats);
        else
                m->kernels->widen(floats, column_of(source, (size_t)from), length, source->type);
        if (m->products->group == 2) {
                m->kernels->narrow(elements, floats, length);
                panel_gather_halves(ret, elements, m->k, m->taps, padded);
        } else {
                quantise_column(m, j, floats, elements);
                panel_gather_bytes(ret, elements, m->k, m->taps, padded);
        }
}

static bool pack_groups(const Matrix *m, const MatrixSource *source, size_t column, size_t width)
{
        const PackScratch size = scratch_of(m);
        _cleanup_(freep) char *scratch = malloc(size.floats + size.elements + COLUMNS_AT_ONCE * size.column);
        char *panel = (char *)m->panels + column * size.column;

        if (!scratch)
                return false;
        for (size_t j = 0; j < width; j += COLUMNS_AT_ONCE) {
                const size_t n = MIN(width - j, (size_t)COLUMNS_AT_ONCE);
                char *columns = scratch + size.floats + size.elements;

                for (size_t i = 0; i < n; i++)
                        pack_column(m, source, column + j + i, columns + i * size.column, scratch);
                panel_pack_groups(panel + j * sizeof(float), columns, n, size.column / sizeof(float), size.column, width);
        }
        return true;
}

static bool pack_panel(const Matrix *m, const MatrixSource *source, size_t column)
{
        const size_t width = m->gated ? m->products->panel : panel_width(m->products, m->n, column);

        if (m->products->group != 1)
                return pack_groups(m, source, column, width);
        pack_floats(m, source, column, width);
        return true;
}

static bool alloc_parts(Matrix *m, Arena *arena, Arena *bias_arena)
{
        const size_t columns = packed_columns(m), bytes = columns * matrix_column_bytes(m);
        const bool scaled = m->products->precision == PRECISION_INT8;

        m->panels = arena_alloc(arena, (bytes + sizeof(float) - 1) / sizeof(float));
        m->bias = bias_arena ? arena_alloc(bias_arena, columns) : NULL;
        m->column_factors = scaled ? arena_alloc(arena, columns) : NULL;
        m->column_sums = scaled ? (int32_t *)arena_alloc(arena, columns) : NULL;
        return m->panels && (!bias_arena || m->bias) && (!scaled || (m->column_factors && m->column_sums));
}

bool matrix_fill(const Matrix *m, const MatrixSource *source)
{
        const size_t columns = packed_columns(m), panels = (columns + m->products->panel - 1) / m->products->panel;
        bool packed = true;

#pragma omp parallel for schedule(dynamic) reduction(&& : packed)
        for (size_t i = 0; i < panels; i++)
                packed = pack_panel(m, source, i * m->products->panel) && packed;
        return packed;
}

static void fill_bias(const Matrix *m, const float *bias)
{
        const size_t columns = packed_columns(m);

        for (size_t j = 0; j < columns; j++) {
                const int64_t from = stored_column(m, j);
                m->bias[j] = from < 0 ? 0 : bias[from];
        }
}

bool matrix_lay_out(Matrix *ret, Arena *arena, Arena *bias_arena, const MatrixSource *source)
{
        const Kernels *kernels = kernels_get();
        Matrix m = {
                .kernels = kernels,
                .products = kernels->products[kernels_precision(source->precision, PRECISION_F32)],
                .n = source->n,
                .k = source->k,
                .taps = source->taps,
                .gated = source->gated,
                .type = source->type,
        };

        assert(!m.gated || m.taps == 1);
        assert(!weight_has_blocks(m.type) || (m.taps == 1 && m.k % WEIGHT_BLOCK == 0));
        if (!alloc_parts(&m, arena, source->bias ? bias_arena : NULL))
                return false;
        if (source->bias)
                fill_bias(&m, source->bias);
        *ret = m;
        return true;
}

bool matrix_pack(Matrix *ret, Arena *arena, const MatrixSource *source)
{
        Matrix m;

        if (!matrix_lay_out(&m, arena, arena, source) || !matrix_fill(&m, source))
                return false;
        *ret = m;
        return true;
}

TensorType matrix_reads(const Matrix *m)
{
        const bool halves = m->products->precision != PRECISION_F32 && m->kernels->products[PRECISION_BF16];

        return halves && m->k % 2 == 0 ? TENSOR_BF16 : TENSOR_F32;
}

TensorType matrices_read(const Matrix *const *matrices, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Matrix *m = matrices[i];

                if (m->products->precision != PRECISION_INT8 || m->k % m->products->step != 0 || m->adapters)
                        return matrix_reads(m);
        }
        return TENSOR_BYTES;
}

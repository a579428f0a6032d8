/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/matrix.h"
#include "engine/tensor/operand.h"
#include "engine/tensor/panels.h"

#define ADAPTERS_MAX 16 /* at one matrix */

typedef struct ProductJob {
        const Matrix *matrix;
        const Rows *rows;
        Operand operand;
        Output output;
        size_t tile_rows, row_tiles; /* tiles that share a panel follow one another */
        const float *reduced[ADAPTERS_MAX]; /* [m][rank]: the rows as each adapter has reduced them */
} ProductJob;

/* What a tile works with, in its scratch. */
typedef struct ProductTile {
        size_t first, m; /* rows */
        float *sums;
        void *slice; /* weights widened to floats */
        void *library; /* what a library may need */
        const void **rows;
        uint32_t *numbers; /* of the rows */
        ByteScale *scales; /* of the rows, where they are bytes */
} ProductTile;

/* Row pointers, for any table: what each fills up to is less than twice the largest block. */
static size_t pointers_of(size_t tile_rows)
{
        return tile_rows + 2 * KERNELS_LANES_MAX;
}

static size_t product_scratch(const Products *products, size_t tile_rows)
{
        const size_t pointers = pointers_of(tile_rows) * (sizeof(void *) + sizeof(uint32_t) + sizeof(ByteScale)) /
                                sizeof(float);
        return pointers_of(tile_rows) * products->panel + products->depth * products->panel +
               tile_rows * products->depth + pointers;
}

static ProductTile tile_begin(const ProductJob *p, size_t i, float *scratch)
{
        const Products *products = p->matrix->products;
        ProductTile t = { .first = i % p->row_tiles * p->tile_rows, .sums = scratch };
        float *slice = t.sums + pointers_of(p->tile_rows) * products->panel,
              *library = slice + (size_t)products->depth * products->panel;

        t.m = MIN(p->tile_rows, p->rows->m - t.first);
        t.slice = slice;
        t.library = library;
        t.rows = (const void **)(library + p->tile_rows * products->depth);
        t.numbers = (uint32_t *)(t.rows + pointers_of(p->tile_rows));
        t.scales = (ByteScale *)(t.numbers + pointers_of(p->tile_rows));
        return t;
}

/* Slice by slice through the panel, which lies in memory in just that order. */
static void multiply_tap(const Matrix *matrix, Product *product, const char **panel, void *slice)
{
        const Products *products = matrix->products;
        const bool widen = products->group == 1 && matrix->type != WEIGHT_F32;
        const size_t length = products_length(products, matrix->k);
        const size_t size = product->width * (matrix_column_bytes(matrix) / matrix->taps);
        const size_t slices = (length + products->depth - 1) / products->depth;
        const size_t depth = products_length(products, (length + slices - 1) / slices);

        for (size_t k = 0; k < length; k += depth) {
                product->offset = k;
                product->depth = MIN(depth, length - k);
                product->panel = *panel + size * k / length;
                if (widen) {
                        matrix->kernels->widen_panel(slice, *panel, k, product->depth, product->width, matrix->type);
                        product->panel = slice;
                }
                product->ahead = *panel + size * (k + product->depth) / length;
                product->ahead_size = size * depth / length;
                products->multiply(product);
                product->add = true;
        }
        *panel += size;
}

static void fill_up(const Products *products, const ProductTile *t)
{
        for (size_t row = t->m; row % products->rows != 0; row++)
                t->rows[row] = t->rows[0];
}

static void find_rows(const ProductJob *p, const ProductTile *t, unsigned tap)
{
        const Operand *o = &p->operand;
        const size_t picture_rows = p->rows->m / p->rows->x->n;

        if (!p->rows->find)
                for (size_t i = 0; i < t->m; i++)
                        t->rows[i] = o->data + (t->first + i) * o->stride;
        else {
                p->rows->find(p->rows->source, t->first, t->m, tap, t->numbers);
                for (size_t i = 0; i < t->m; i++)
                        t->rows[i] = t->numbers[i] != ROW_BEYOND
                                                     ? o->data + t->numbers[i] * o->stride
                                                     : o->beyond + (t->first + i) / picture_rows * o->beyond_stride;
        }
        fill_up(p->matrix->products, t);
}

static void find_scales(const ProductJob *p, const ProductTile *t)
{
        const size_t picture_rows = p->rows->m / p->rows->x->n;

        for (size_t row = 0; row < t->m; row++) {
                const size_t at = t->first + row;
                t->scales[row] = p->operand.scales[p->operand.by_picture ? at / picture_rows : at];
        }
}

/* What adapters add is floats, and so are the sums from then on. */
static void add_adapters(const ProductJob *p, const ProductTile *t, Product *product, Output *output, size_t packed)
{
        const Matrix *matrix = p->matrix;
        size_t i = 0;

        for (size_t row = 0; output->scales && row < t->m; row++)
                matrix->kernels->dequantise(
                                t->sums + row * product->stride, product->width, output->scales[row],
                                output->column_factors, output->column_sums);
        output->scales = NULL;
        for (const Adapter *a = p->matrix->adapters; a && i < ADAPTERS_MAX; a = a->next, i++) {
                const char *up = (const char *)a->up.panels + packed * matrix_column_bytes(&a->up);

                for (size_t row = 0; row < t->m; row++)
                        t->rows[row] = p->reduced[i] + (t->first + row) * a->up.k;
                fill_up(a->up.products, t);
                multiply_tap(&a->up, product, &up, t->slice);
        }
}

static void product_tile(const void *job, size_t i, float *scratch)
{
        const ProductJob *p = job;
        const Matrix *matrix = p->matrix;
        const Products *products = matrix->products;
        const ProductTile t = tile_begin(p, i, scratch);
        const size_t per_panel = matrix->gated ? products->panel / 2 : products->panel;
        const size_t column = i / p->row_tiles * per_panel, n = MIN(per_panel, matrix->n - column);
        const size_t width = matrix->gated ? products->panel : panel_width(products, matrix->n, column);
        const size_t packed = matrix->gated ? 2 * column : column; /* packed columns before this panel */
        const char *panel = (const char *)matrix->panels + packed * matrix_column_bytes(matrix);
        Product product = { .rows = t.rows,
                            .m = t.m,
                            .width = width,
                            .sums = t.sums,
                            .stride = products->panel,
                            .scratch = t.library };

        products_enter(products);
        for (unsigned tap = 0; tap < matrix->taps; tap++) {
                find_rows(p, &t, tap);
                multiply_tap(matrix, &product, &panel, t.slice);
        }
        products_leave(products);

        Output output = p->output;
        const size_t at = t.first * output.stride + column;
        if (p->operand.scales) {
                find_scales(p, &t);
                output.scales = t.scales;
                output.column_factors = matrix->column_factors + packed;
                output.column_sums = matrix->column_sums + packed;
        }
        if (matrix->adapters)
                add_adapters(p, &t, &product, &output, packed);
        output.bias = output.bias ? output.bias + packed : NULL;
        output.slopes = output.slopes ? output.slopes + packed : NULL;
        output.residual = output.residual ? output.residual + at : NULL;
        output.data = (char *)output.data + at * (output.halves ? sizeof(uint16_t) : sizeof(float));
        matrix->kernels->finish(t.sums, products->panel, t.m, n, width, &output);
}

/* Rows in a tile: many, because each tile fetches its panel anew, but not so many that too few tiles are
 * left to share among threads. Depends on shapes alone. */
static size_t choose_tile_rows(const Products *products, size_t m, size_t panels)
{
        enum { TILES_WANTED = 24, LARGEST = 4 };
        size_t tiles = 0;

        for (size_t factor = LARGEST; factor > 0 && tiles * panels < TILES_WANTED; factor--)
                tiles = (m + factor * products->tile_rows - 1) / (factor * products->tile_rows);
        return (m / tiles + (m % tiles != 0) + products->rows - 1) / products->rows * products->rows;
}

/* What each adapter's first half makes of the rows. */
static void reduce_rows(Compute *c, const Matrix *matrix, const Rows *rows, ProductJob *ret)
{
        size_t i = 0;

        for (const Adapter *a = matrix->adapters; a && i < ADAPTERS_MAX; a = a->next, i++) {
                float *reduced = compute_alloc(c, rows->m * a->down.n);
                const Output output = { .finish = FINISH_PLAIN, .data = reduced, .stride = a->down.n };

                if (c->error == 0)
                        matrix_product(c, &a->down, rows, &output);
                ret->reduced[i] = reduced;
        }
}

void matrix_product(Compute *c, const Matrix *matrix, const Rows *rows, const Output *output)
{
        const Products *products = matrix->products;
        const size_t per_panel = matrix->gated ? products->panel / 2 : products->panel;
        const size_t panels = (matrix->n + per_panel - 1) / per_panel;
        const size_t tile_rows = choose_tile_rows(products, rows->m, panels);
        ProductJob product = {
                .matrix = matrix,
                .rows = rows,
                .output = *output,
                .tile_rows = tile_rows,
                .row_tiles = (rows->m + tile_rows - 1) / tile_rows,
        };

        if (!product.output.bias)
                product.output.bias = matrix->bias;
        const double flops = 2.0 * (double)rows->m * matrix->k * matrix->taps * matrix->n * (matrix->gated ? 2 : 1);
        const WorkKind before = compute_work(c, rows->find ? WORK_CONVOLUTION : WORK_LINEAR, flops);
        ArenaMark mark = arena_mark(c->arena);
        if (matrix->task && c->error == 0 && !task_need(matrix->task))
                c->error = -ENOMEM;
        reduce_rows(c, matrix, rows, &product);
        product.operand = operand_of(c, matrix->kernels, products, rows->x, rows->find != NULL);
        if (c->error == 0)
                compute_tiles(c, product.row_tiles * panels, product_scratch(products, tile_rows), product_tile,
                              &product);
        arena_release(c->arena, mark);
        compute_work_as(c, before);
}

void linear(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
            const Tensor *out)
{
        const Rows rows = { .x = x, .m = tensor_rows(x) };
        const Output output = {
                .finish = matrix->gated ? FINISH_GEGLU : finish,
                .residual = residual ? residual->data : NULL,
                .data = out->data,
                .stride = out->c,
                .halves = out->type == TENSOR_BF16,
        };

        assert(x->c == matrix->k && out->c == matrix->n && matrix->taps == 1);
        assert(!residual || residual->type == TENSOR_F32);
        if (c->error == 0)
                matrix_product(c, matrix, &rows, &output);
}

static Tensor row_of(const Tensor *t, size_t row)
{
        return (Tensor) { .n = 1, .h = 1, .w = 1, .c = t->c, .data = tensor_at(t, row * t->c), .type = t->type };
}

void linear_rows(Compute *c, const Matrix *matrix, const Tensor *x, Finish finish, const Tensor *residual,
                 const Tensor *out)
{
        if (!matrix->products->uneven) {
                linear(c, matrix, x, finish, residual, out);
                return;
        }
        for (size_t row = 0; row < tensor_rows(x) && c->error == 0; row++) {
                const Tensor from = row_of(x, row), to = row_of(out, row);
                const Tensor own = residual ? row_of(residual, row) : (Tensor) {};

                linear(c, matrix, &from, finish, residual ? &own : NULL, &to);
        }
}

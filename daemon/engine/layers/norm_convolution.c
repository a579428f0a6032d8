/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "engine/layers/norm_convolution.h"

static Tensor rows_of(const Tensor *x, uint32_t picture, uint32_t first, uint32_t rows)
{
        const size_t row = (size_t)x->w * x->c;

        return (Tensor) {
                .n = 1,
                .h = rows,
                .w = x->w,
                .c = x->c,
                .data = x->data ? tensor_at(x, ((size_t)picture * x->h + first) * row) : NULL,
                .type = x->type,
        };
}

typedef struct Banded {
        const Norm *norm;
        const GroupMoments *moments;
        const Matrix *matrix;
        const float *bias;
        const Tensor *x, *residual, *out;
} Banded;

static void normalise_rows(
                Compute *c, const Banded *b, uint32_t picture, uint32_t first, uint32_t rows, const Tensor *band, uint32_t at)
{
        const Tensor from = rows_of(b->x, picture, first, rows), to = rows_of(band, 0, at, rows);

        group_normalise(c, b->norm, b->moments, picture, &from, true, &to);
}

/* Rows from `first` on, with the row above and the one below, which the convolution sees too. */
static void convolve_band(Compute *c, const Banded *b, uint32_t picture, uint32_t first, uint32_t rows)
{
        const uint32_t h = b->x->h, above = first > 0 || c->wrap_y, below = first + rows < h || c->wrap_y;
        const Tensor out = rows_of(b->out, picture, first, rows);
        const Tensor residual = b->residual ? rows_of(b->residual, picture, first, rows) : (Tensor) {};
        ArenaMark mark = arena_mark(c->arena);
        Tensor normed = compute_tensor_of(c, matrix_reads(b->matrix), 1, above + rows + below, b->x->w, b->x->c);

        if (above)
                normalise_rows(c, b, picture, (first + h - 1) % h, 1, &normed, 0);
        normalise_rows(c, b, picture, first, rows, &normed, above);
        if (below)
                normalise_rows(c, b, picture, (first + rows) % h, 1, &normed, above + rows);
        convolution_band(c, b->matrix, &normed, above, h, b->bias, b->residual ? &residual : NULL, &out);
        arena_release(c->arena, mark);
}

static void convolve_whole(Compute *c, const Banded *b)
{
        Tensor normed = compute_tensor_of(c, matrix_reads(b->matrix), b->x->n, b->x->h, b->x->w, b->x->c);

        group_normalise(c, b->norm, b->moments, 0, b->x, true, &normed);
        convolution(c, b->matrix, CONVOLUTION_SAME, &normed, b->bias, b->residual, b->out);
}

void norm_convolution(
                Compute *c, const Norm *norm, const Matrix *matrix, const Tensor *x, const float *bias, size_t band,
                const Tensor *residual, const Tensor *out)
{
        const size_t wanted = band / ((size_t)x->w * x->c) / CONVOLUTION_BAND * CONVOLUTION_BAND;
        const uint32_t rows = (uint32_t)MIN(MAX(wanted, CONVOLUTION_BAND), x->h);
        ArenaMark mark = arena_mark(c->arena);
        const GroupMoments moments = group_moments(c, norm, x);
        const Banded b = { norm, &moments, matrix, bias, x, residual, out };

        if (tensor_elements(x) <= band)
                convolve_whole(c, &b);
        else
                for (uint32_t picture = 0; picture < x->n; picture++)
                        for (uint32_t first = 0; first < x->h; first += rows)
                                convolve_band(c, &b, picture, first, MIN(rows, x->h - first));
        arena_release(c->arena, mark);
}

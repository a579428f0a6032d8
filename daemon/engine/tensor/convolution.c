/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>

#include "base/util.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/winograd.h"

typedef struct Convolution {
        ConvolutionKind kind;
        const Tensor *x;
        uint32_t h, w; /* of the output */
        bool wrap_x, wrap_y;
        bool band; /* not all rows of a picture */
        uint32_t above; /* rows of the input above the output's first */
        uint32_t picture_h; /* rows of the whole picture's output */
} Convolution;

uint32_t convolution_size(ConvolutionKind kind, uint32_t input)
{
        switch (kind) {
        case CONVOLUTION_SAME:
                return input;
        case CONVOLUTION_DOWN:
                return (input - 1) / 2 + 1;
        case CONVOLUTION_DOWN_AFTER:
                return input / 2;
        case CONVOLUTION_UP:
                break;
        }
        return 0;
}

/* PyTorch's upsample_nearest, its rounding in float32 included: for most sizes the exact quotient. */
static int64_t nearest(int64_t at, uint32_t output, uint32_t input)
{
        float ratio = (float)input / (float)output;
        return MIN((int64_t)floorf((float)at * ratio), (int64_t)input - 1);
}

/* The input's row or column that an output's position sees through a tap (0 to 2); -1 beyond the border, if it does not
 * wrap around. */
static int64_t input_position(
                ConvolutionKind kind, int64_t at, unsigned tap, uint32_t output, uint32_t input, bool wrap)
{
        int64_t position = 0, limit = input;

        switch (kind) {
        case CONVOLUTION_SAME:
                position = at + tap - 1;
                break;
        case CONVOLUTION_DOWN:
                position = 2 * at + tap - 1;
                break;
        case CONVOLUTION_DOWN_AFTER:
                position = 2 * at + tap;
                break;
        case CONVOLUTION_UP:
                position = at + tap - 1;
                limit = output;
                break;
        }
        if (wrap)
                position = (position + limit) % limit;
        if (position < 0 || position >= limit)
                return -1;
        return kind == CONVOLUTION_UP ? nearest(position, output, input) : position;
}

static void pixels_under_tap(const void *source, size_t first, size_t count, unsigned tap, uint32_t *ret)
{
        const Convolution *v = source;
        const Tensor *x = v->x;
        size_t column = first % v->w, row = first / v->w % v->h, picture = first / v->w / v->h;

        for (size_t i = 0; i < count; picture += row == v->h, row %= v->h) {
                int64_t y = input_position(v->kind, (int64_t)row + v->above, tap / 3, v->h, x->h, v->wrap_y);
                const size_t line = (picture * x->h + (size_t)(y < 0 ? 0 : y)) * x->w;

                for (; column < v->w && i < count; column++, i++) {
                        int64_t at = y < 0 ? -1 : input_position(v->kind, (int64_t)column, tap % 3, v->w, x->w, v->wrap_x);
                        ret[i] = at < 0 ? ROW_BEYOND : (uint32_t)(line + (size_t)at);
                }
                row += column == v->w;
                column %= v->w;
        }
}

/* The input's lines that tiles of an output's side see, one after another: each what its first tap sees, and none that
 * no output needs. */
static const uint32_t *winograd_lines(
                Compute *c, ConvolutionKind kind, uint32_t above, uint32_t output, uint32_t input, bool wrap)
{
        const size_t n = winograd_line_count(output);
        uint32_t *ret = (uint32_t *)compute_alloc(c, n);

        for (size_t i = 0; ret && i < n; i++) {
                const int64_t at = i < (size_t)output + 2 ? input_position(kind, (int64_t)i + above, 0, output, input, wrap) : -1;
                ret[i] = at < 0 ? WINOGRAD_BEYOND : (uint32_t)at;
        }
        return ret;
}

static void convolve_tiles(Compute *c, const Matrix *matrix, const Convolution *v, const Output *output)
{
        ArenaMark mark = arena_mark(c->arena);
        const WinogradSource source = {
                .x = v->x,
                .h = v->h,
                .w = v->w,
                .rows = winograd_lines(c, v->kind, v->above, v->h, v->x->h, v->wrap_y),
                .columns = winograd_lines(c, v->kind, 0, v->w, v->x->w, v->wrap_x),
        };

        if (c->error == 0)
                winograd_product(c, matrix, &source, output);
        arena_release(c->arena, mark);
}

static bool goes_by_tiles(const Matrix *matrix, const Convolution *v)
{
        return (v->kind == CONVOLUTION_SAME || v->kind == CONVOLUTION_UP) && winograd_suits(matrix, v->picture_h, v->w);
}

static void convolve(
                Compute *c, const Matrix *matrix, Convolution source, const Tensor *out, const Output *output)
{
        const Tensor *x = source.x;
        const Rows rows = { .x = x, .m = tensor_rows(out), .find = pixels_under_tap, .source = &source };

        source.h = out->h;
        source.w = out->w;
        source.wrap_x = c->wrap_x;
        source.wrap_y = c->wrap_y && !source.band;
        if (!source.band)
                source.picture_h = out->h;
        assert(x->c == matrix->k && out->c == matrix->n && out->n == x->n && matrix->taps == 9);
        assert(tensor_rows(x) < ROW_BEYOND);
        if (c->error == 0 && goes_by_tiles(matrix, &source))
                convolve_tiles(c, matrix, &source, output);
        else if (c->error == 0)
                matrix_product(c, matrix, &rows, output);
}

static Output plain_output(const float *bias, const Tensor *residual, const Tensor *out)
{
        return (Output) {
                .bias = bias,
                .finish = FINISH_PLAIN,
                .residual = residual ? residual->data : NULL,
                .data = out->data,
                .stride = out->c,
                .halves = out->type == TENSOR_BF16,
        };
}

void convolution(
                Compute *c, const Matrix *matrix, ConvolutionKind kind, const Tensor *x, const float *bias,
                const Tensor *residual, const Tensor *out)
{
        const Output output = plain_output(bias, residual, out);

        convolve(c, matrix, (Convolution) { .kind = kind, .x = x }, out, &output);
}

void convolution_prelu(
                Compute *c, const Matrix *matrix, const float *slopes, const Tensor *x, const Tensor *out)
{
        Output output = {
                .finish = FINISH_PRELU,
                .slopes = slopes,
                .data = out->data,
                .stride = out->c,
                .halves = out->type == TENSOR_BF16,
        };

        convolve(c, matrix, (Convolution) { .kind = CONVOLUTION_SAME, .x = x }, out, &output);
}

void convolution_band(
                Compute *c, const Matrix *matrix, const Tensor *x, uint32_t above, uint32_t picture_h, const float *bias,
                const Tensor *residual, const Tensor *out)
{
        const Output output = plain_output(bias, residual, out);
        const Convolution source = { .kind = CONVOLUTION_SAME, .x = x, .band = true, .above = above, .picture_h = picture_h };

        assert(x->n == 1 && above <= 1 && out->h + above <= x->h && x->h <= out->h + above + 1);
        convolve(c, matrix, source, out, &output);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "engine/layers/norm_convolution.h"
#include "engine/layers/resnet_block.h"

void load_resnet_block(
                Loader *loader, ResnetBlock *ret, uint32_t in, uint32_t out, uint32_t time_width,
                uint32_t groups, float eps, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);

        ret->in = in;
        ret->out = out;
        load_norm(loader, &ret->norm1, in, groups, eps, "%s.norm1", key);
        load_matrix(loader, &ret->conv1, LAYER_CONV3, in, out, "%s.conv1", key);
        if (time_width > 0)
                load_matrix(loader, &ret->time, LAYER_LINEAR | LAYER_FLOATS, time_width, out, "%s.time_emb_proj", key);
        load_norm(loader, &ret->norm2, out, groups, eps, "%s.norm2", key);
        load_matrix(loader, &ret->conv2, LAYER_CONV3, out, out, "%s.conv2", key);
        if (in != out)
                load_matrix(loader, &ret->shortcut, LAYER_POINTWISE, in, out, "%s.conv_shortcut", key);
}

/* The first half of a block. */
static void convolve_at_time(
                Compute *c, const ResnetBlock *block, const Tensor *x, const TimeBias *time, const Tensor *out)
{
        if (!time || !time->each)
                norm_convolution(c, &block->norm1, &block->conv1, x, time ? time->data : NULL, NORM_BAND, NULL, out);
        else /* each picture has an embedding of its own, as in Stable Diffusion XL */
                for (uint32_t i = 0; i < x->n; i++) {
                        Tensor one = tensor_picture(x, i), one_out = tensor_picture(out, i);
                        norm_convolution(c, &block->norm1, &block->conv1, &one, time->data + (size_t)i * block->out,
                                         NORM_BAND, NULL, &one_out);
                }
}

void resnet_block(
                Compute *c, const ResnetBlock *block, const Tensor *x, const TimeBias *time, const Tensor *out)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor h = compute_tensor(c, x->n, x->h, x->w, block->out);

        convolve_at_time(c, block, x, time, &h);
        if (block->in != block->out)
                linear(c, &block->shortcut, x, FINISH_PLAIN, NULL, out);
        norm_convolution(c, &block->norm2, &block->conv2, &h, NULL, NORM_BAND, block->in != block->out ? out : x, out);
        arena_release(c->arena, mark);
}

/* Some rows of a product whose result replaces what it was made of. */
static void replace_rows(Compute *c, const Matrix *matrix, const Tensor *x, size_t first, size_t rows)
{
        ArenaMark mark = arena_mark(c->arena);
        const Tensor from = { .n = 1, .h = 1, .w = (uint32_t)rows, .c = x->c, .data = x->data + first * x->c };
        const Tensor to = compute_tensor(c, 1, 1, (uint32_t)rows, matrix->n);

        linear(c, matrix, &from, FINISH_PLAIN, NULL, &to);
        if (c->error == 0)
                memcpy(x->data + first * matrix->n, to.data, rows * matrix->n * sizeof(float));
        arena_release(c->arena, mark);
}

/* Narrower rows are written behind those still to be read if they are taken from the front, wider ones from the back. */
static void linear_in_place(Compute *c, const Matrix *matrix, const Tensor *x, size_t band)
{
        const size_t all = tensor_rows(x), step = MAX(band / MAX(matrix->n, matrix->k), 1U),
                     steps = (all + step - 1) / step;

        for (size_t i = 0; i < steps && c->error == 0; i++) {
                const size_t first = step * (matrix->n < matrix->k ? i : steps - 1 - i);
                replace_rows(c, matrix, x, first, MIN(step, all - first));
        }
}

void resnet_block_in_place(Compute *c, const ResnetBlock *block, Tensor *x, float *memory, size_t band)
{
        const Tensor h = { .n = x->n, .h = x->h, .w = x->w, .c = block->out, .data = memory };

        norm_convolution(c, &block->norm1, &block->conv1, x, NULL, band, NULL, &h);
        if (block->in != block->out)
                linear_in_place(c, &block->shortcut, x, band);
        x->c = block->out;
        norm_convolution(c, &block->norm2, &block->conv2, &h, NULL, band, x, x);
}

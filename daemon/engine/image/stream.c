/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "engine/image/stream.h"
#include "engine/layers/norm_convolution.h"

static void stream_need(Stream *s, int i, uint32_t channels)
{
        s->size[i] = MAX(s->size[i], tensor_rows(&s->x) * channels);
}

void stream_begin(Stream *s, const Tensor *x)
{
        s->turn = 0;
        s->x = *x;
        for (int i = 0; i < 2 && s->size[i] > 0; i++)
                s->memory[i] = compute_alloc(s->c, s->size[i]);
}

static Tensor stream_next(Stream *s, uint32_t h, uint32_t w, uint32_t channels)
{
        Tensor next = { .n = s->x.n, .h = h, .w = w, .c = channels, .data = s->memory[!s->turn] };

        s->size[!s->turn] = MAX(s->size[!s->turn], tensor_elements(&next));
        return next;
}

static void stream_go_on(Stream *s, const Tensor *next)
{
        s->turn = !s->turn;
        s->x = *next;
}

void stream_resnet(Stream *s, const ResnetBlock *block)
{
        stream_need(s, s->turn, MAX(block->in, block->out));
        stream_need(s, !s->turn, block->out);
        if (stream_ready(s))
                resnet_block_in_place(s->c, block, &s->x, s->memory[!s->turn], NORM_BAND);
        s->x.c = block->out;
}

void stream_convolution(Stream *s, const Matrix *matrix, ConvolutionKind kind)
{
        const bool up = kind == CONVOLUTION_UP;
        uint32_t h = up ? 2 * s->x.h : convolution_size(kind, s->x.h),
                 w = up ? 2 * s->x.w : convolution_size(kind, s->x.w);
        Tensor out = stream_next(s, h, w, matrix->n);

        if (stream_ready(s))
                convolution(s->c, matrix, kind, &s->x, NULL, NULL, &out);
        stream_go_on(s, &out);
}

void stream_linear(Stream *s, const Matrix *matrix)
{
        Tensor out = stream_next(s, s->x.h, s->x.w, matrix->n);

        if (stream_ready(s))
                linear(s->c, matrix, &s->x, FINISH_PLAIN, NULL, &out);
        stream_go_on(s, &out);
}

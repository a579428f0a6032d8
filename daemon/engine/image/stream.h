/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tensor that changes its size on its way through an autoencoder, in two pieces of memory that take turns. It goes the
 * way twice: first without memory, only to see how large either piece must be.
 *
 *     Stream s = { .c = c };
 *     go_the_way(&s);     // stream_begin(&s, x), stream_convolution(&s, …), …
 *     go_the_way(&s);     // s.x is the result, in the arena */

#include "engine/layers/resnet_block.h"
#include "engine/tensor/convolution.h"

typedef struct Stream {
        Compute *c;
        float *memory[2]; /* NULL: nothing is computed */
        size_t size[2]; /* floats */
        int turn; /* where x stands */
        Tensor x;
} Stream;

/* x is read only; what is done first must not be a block. */
void stream_begin(Stream *s, const Tensor *x);

/* Whether there is something to compute with. */
static inline bool stream_ready(const Stream *s)
{
        return s->memory[0] && s->memory[1];
}

void stream_resnet(Stream *s, const ResnetBlock *block);
void stream_convolution(Stream *s, const Matrix *matrix, ConvolutionKind kind); /* _UP: to twice the size */
void stream_linear(Stream *s, const Matrix *matrix);

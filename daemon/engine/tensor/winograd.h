/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin, Gray 2015): tiles of 4x4 outputs take 36
 * multiplications for each pair of channels instead of 144. Tiles of 6x6 inputs are transformed to 36 positions, and at each of them a
 * product is made with the weights transformed likewise, of which the outputs are sums. The weights are transformed
 * on the way, slice by slice, for four times as many would have to be kept; those of bytes to bfloat16. */

#include "engine/tensor/matrix.h"

/* Whether it is the faster way for an output of h x w pixels; alike for all pictures of that size, however many there are. */
bool winograd_suits(const Matrix *matrix, uint32_t h, uint32_t w);

#define WINOGRAD_BEYOND UINT32_MAX

/* Along an output's side, of which the last may end beyond it. */
static inline size_t winograd_tiles(uint32_t side)
{
        return ((size_t)side + WINOGRAD_OUTPUT - 1) / WINOGRAD_OUTPUT;
}

/* The lines of the input (rows, or columns) that are seen by the tiles along an output's side, of which tile i sees
 * WINOGRAD_INPUT from i * WINOGRAD_OUTPUT on: so many. */
static inline size_t winograd_line_count(uint32_t side)
{
        return winograd_tiles(side) * WINOGRAD_OUTPUT + WINOGRAD_INPUT - WINOGRAD_OUTPUT;
}

typedef struct WinogradSource {
        const Tensor *x; /* [n, …, …, matrix->k] */
        uint32_t h, w; /* of the output */
        const uint32_t *rows, *columns; /* of x, the lines that its tiles see, or WINOGRAD_BEYOND for zeros */
} WinogradSource;

/* out = the convolution, finished as `output` says (its bias is taken from the matrix if it is NULL). matrix: nine taps, no
 * adapters. */
void winograd_product(Compute *c, const Matrix *matrix, const WinogradSource *source, const Output *output);

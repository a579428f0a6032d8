/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* 3x3 convolution: a product whose rows are the pixels under each tap, without an intermediate copy, or where that is faster by
 * Winograd's tiles (winograd.h); shapes, precision and instruction set decide which. Beyond the border
 * there are zeros, or where Compute says so the pixels of the opposite side (PyTorch's padding_mode "circular"), which makes
 * pictures that can be laid side by side. */

#include "engine/tensor/matrix.h"

typedef enum ConvolutionKind {
        CONVOLUTION_SAME, /* padded by 1: as large as the input */
        CONVOLUTION_DOWN, /* stride 2, padded by 1 on all sides: half, rounded up */
        CONVOLUTION_DOWN_AFTER, /* stride 2, padded at the right and the bottom only: half, rounded down */
        CONVOLUTION_UP, /* of the input enlarged to the output's size by its nearest pixels */
} ConvolutionKind;

/* The output's size along one side; 0 for CONVOLUTION_UP, where the caller chooses it. */
uint32_t convolution_size(ConvolutionKind kind, uint32_t input);

/* x: [n, h, w, k] to out: [n, its h, its w, matrix->n]. bias replaces the matrix's own if it is not NULL
 * (packed like it); residual: NULL, or a tensor like out, which may be out itself. out must not be x. */
void convolution(
                Compute *c, const Matrix *matrix, ConvolutionKind kind, const Tensor *x, const float *bias,
                const Tensor *residual, const Tensor *out);

/* CONVOLUTION_SAME with the matrix's own bias, and a PReLU after it: what is negative is multiplied by its
 * channel's slope. slopes: matrix->n floats, filled up to whole vectors (load_vector()). */
void convolution_prelu(
                Compute *c, const Matrix *matrix, const float *slopes, const Tensor *x, const Tensor *out);

/* CONVOLUTION_SAME of a band of a picture of picture_h rows: out's rows are those of x from `above` (0 or 1) on; where x has rows
 * beyond them, those are seen instead of the border; rows do not wrap around. Bit for bit what the whole
 * picture's convolution makes of these rows, if the first of them is a multiple of CONVOLUTION_BAND, and so is their number or
 * they are the last; but of bytes that are multiplied, which are scaled by what lies in x. */
#define CONVOLUTION_BAND ((uint32_t)WINOGRAD_OUTPUT)
void convolution_band(
                Compute *c, const Matrix *matrix, const Tensor *x, uint32_t above, uint32_t picture_h, const float *bias,
                const Tensor *residual, const Tensor *out);

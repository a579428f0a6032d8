/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Group norm, SiLU, and a 3x3 convolution. A large tensor is normalised band by band, each as the convolution comes to it,
 * so that there is never a second tensor of its size. */

#include "engine/tensor/convolution.h"
#include "engine/tensor/norm.h"

/* The floats up to which a tensor is normalised at once (16 MiB). */
#define NORM_BAND ((size_t)4 << 20)

/* x: [n, h, w, matrix->k] to out: [n, h, w, matrix->n], which must not be x. bias replaces the matrix's own if it is not
 * NULL; residual: NULL, or a tensor like out, which may be out itself. band: NORM_BAND, or less in tests. */
void norm_convolution(
                Compute *c, const Norm *norm, const Matrix *matrix, const Tensor *x, const float *bias, size_t band,
                const Tensor *residual, const Tensor *out);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Filters that do the same along rows and columns: how the positions of one side are mixed of pixels, and the
 * two passes over a picture. */

#include "engine/tensor/compute.h"

/* For each position so many pixels and their weights; edges are repeated by naming the last pixel again. */
typedef struct Mix {
        uint32_t taps;
        float *weights; /* [positions][taps]; both owned: mix_done() */
        uint32_t *pixels;
} Mix;

/* A mix of so many positions. The center of position i is begin + (i + 0.5) * ratio - 0.5; the pixels within reach
 * of it are weighted by the kernel at (pixel - center) / stretch, to the sum of 1. */
typedef struct MixPlan {
        double (*kernel)(double x);
        double reach; /* of the kernel, in its own units: it is 0 from there on */
        double stretch; /* pixels to a unit */
        double begin, ratio;
        uint32_t input, output; /* pixels, positions */
} MixPlan;

/* -ENOMEM, then there is nothing to be freed. */
int mix_new(Mix *ret, const MixPlan *plan);
void mix_done(Mix *mix);

/* from: [1, h, w, c]; to: [1, positions of rows, positions of columns, c], not the same. What goes wrong is
 * noted in compute->error. */
void separable_filter(Compute *compute, const Tensor *from, const Mix *columns, const Mix *rows, const Tensor *to);

/* Gaussian blur of [1, h, w, c] to a tensor of the same size, not the same. */
void gaussian_blur(Compute *compute, const Tensor *from, double sigma, const Tensor *to);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A part of a picture at another size: Lanczos interpolation with three lobes (Duchon 1979), stretched where
 * the picture gets smaller, so that nothing is skipped; edges repeated. */

#include "engine/tensor/compute.h"

/* In pixels of the picture, from its upper left corner; may begin and end within one. */
typedef struct Area {
        double x, y, width, height;
} Area;

/* picture: [1, h, w, c]. *ret, in the arena: [1, height, width, c], what the area shows. It may overshoot where
 * the picture has sharp edges. 0, -EINVAL for an empty size, or what compute_finish() says. */
int resample(Compute *compute, const Tensor *picture, const Area *area, uint32_t width, uint32_t height,
             Tensor *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The touch that brings a picture to its finished size: the network as often as it enlarges by no more than
 * is wanted, or once if it enlarges by more, and Lanczos interpolation for what is left. Without a network
 * interpolation does all of it. */

#include "engine/image/touches/resample.h"
#include "engine/image/touches/upscaler.h"

typedef struct Enlargement {
        const Upscaler *upscaler; /* NULL: interpolate */
        Area area; /* of the picture, what shall be seen */
        uint32_t width, height; /* what it becomes */
} Enlargement;

/* picture: [1, h, w, 3]. *ret, in the arena or the picture itself: [1, height, width, 3]. It may overshoot. 0, or
 * what compute_finish() says. */
int enlarge(Compute *compute, const Enlargement *to, const Tensor *picture, Tensor *ret);

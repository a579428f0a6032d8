/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that can be laid side by side: while the networks run, convolutions go on at the opposite side (Compute); the
 * final touches, which look across borders too, get the picture with a margin of what lies there, and lose it again. */

#include "base/request.h"
#include "engine/image/touches/enlarge.h"

void tiling_begin(Compute *compute, Tiling tiling);
void tiling_end(Compute *compute);

/* How wide the margins are, in pixels of the finished picture. */
typedef struct TilingMargin {
        uint32_t x, y;
} TilingMargin;

/* *picture, [1, h, w, c], is to become enlargement->width x enlargement->height, all of it. Gives it its margins, and lets the
 * enlargement see and make them too. 0, or what compute_finish() says. */
int tiling_add_margin(Compute *compute, Tiling tiling, Tensor *picture, Enlargement *enlargement, TilingMargin *ret);

/* The finished picture without them. */
int tiling_cut_margin(Compute *compute, const TilingMargin *margin, Tensor *picture);

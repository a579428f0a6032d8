/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "engine/tiling.h"

#define MARGIN 48 /* pixels before enlarging: further than any touch looks */

void tiling_begin(Compute *compute, Tiling tiling)
{
        compute->wrap_x = tiling & TILING_X;
        compute->wrap_y = tiling & TILING_Y;
}

void tiling_end(Compute *compute)
{
        tiling_begin(compute, TILING_NONE);
}

/* Of h x w, from (x, y) on, around the borders. */
static int copy_around(Compute *c, const Tensor *from, uint32_t y, uint32_t x, uint32_t h, uint32_t w, Tensor *ret)
{
        Tensor to = compute_tensor(c, 1, h, w, from->c);
        int r = compute_finish(c);
        if (r < 0)
                return r;

        for (size_t i = 0; i < h; i++)
                for (size_t j = 0; j < w; j++)
                        memcpy(to.data + (i * w + j) * to.c,
                               from->data + ((i + y) % from->h * from->w + (j + x) % from->w) * from->c,
                               to.c * sizeof(float));
        *ret = to;
        return 0;
}

/* One side: how many pixels more there are before and after it, in all that is seen, and in what becomes of it. */
typedef struct Side {
        uint32_t pixels, made;
        double seen;
} Side;

static Side side_of(bool wraps, uint32_t length, uint32_t finished)
{
        const double scale = (double)finished / length;
        Side ret = { .made = wraps ? (uint32_t)ceil(MARGIN * scale) : 0 };

        ret.seen = ret.made / scale;
        ret.pixels = (uint32_t)ceil(ret.seen);
        return ret;
}

/* So many places before the first one on a ring. */
static uint32_t before_first(uint32_t length, uint32_t places)
{
        return (length - places % length) % length;
}

int tiling_add_margin(Compute *compute, Tiling tiling, Tensor *picture, Enlargement *enlargement, TilingMargin *ret)
{
        const uint32_t h = picture->h, w = picture->w;
        const Side x = side_of(tiling & TILING_X, w, enlargement->width),
                   y = side_of(tiling & TILING_Y, h, enlargement->height);

        int r = copy_around(compute, picture, before_first(h, y.pixels), before_first(w, x.pixels), h + 2 * y.pixels,
                            w + 2 * x.pixels, picture);
        if (r < 0)
                return r;
        enlargement->area = (Area) { .x = x.pixels - x.seen, .y = y.pixels - y.seen,
                                     .width = w + 2 * x.seen, .height = h + 2 * y.seen };
        enlargement->width += 2 * x.made;
        enlargement->height += 2 * y.made;
        *ret = (TilingMargin) { x.made, y.made };
        return 0;
}

int tiling_cut_margin(Compute *compute, const TilingMargin *margin, Tensor *picture)
{
        return copy_around(compute, picture, margin->y, margin->x, picture->h - 2 * margin->y, picture->w - 2 * margin->x,
                           picture);
}

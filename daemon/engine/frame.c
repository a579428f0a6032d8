/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "base/util.h"
#include "engine/frame.h"

#define AREA_COST 0.25 /* of being larger or smaller than native, beside the part of the picture that is cut off */

static uint32_t round_up(uint32_t value, uint32_t multiple)
{
        return (value + multiple - 1) / multiple * multiple;
}

/* What speaks against drawing w x h: how much of it is lost by cutting to the shape, and how far it is from the
 * area that is drawn best. */
static double cost(double w, double h, double shape, double native)
{
        const double kept = w > h * shape ? h * shape / w : w / shape / h;
        return 1 - kept + AREA_COST * fabs(log(w * h / (native * native)));
}

/* About that many pixels, neither below one multiple nor absurdly many. */
static double limit(double side, uint32_t multiple)
{
        return MIN(MAX(side, (double)multiple), (double)MAX(REQUEST_SIZE_MAX, multiple));
}

void frame_choose(uint32_t width, uint32_t height, uint32_t multiple, uint32_t native, uint32_t *ret_width,
                  uint32_t *ret_height)
{
        uint32_t best_w = round_up(width, multiple), best_h = round_up(height, multiple);

        if (native > 0) {
                const double shape = (double)width / height, root = sqrt(shape);
                const uint32_t w = (uint32_t)(limit(native * root, multiple) / multiple),
                               h = (uint32_t)(limit(native / root, multiple) / multiple);
                double least = INFINITY;

                /* A quarter more and less along each side is far enough to look. */
                for (uint32_t i = MAX(w - w / 4, 1U); i <= w + w / 4 + 1; i++)
                        for (uint32_t j = MAX(h - h / 4, 1U); j <= h + h / 4 + 1; j++) {
                                double found = cost(i * multiple, j * multiple, shape, native);
                                if (found < least) {
                                        least = found;
                                        best_w = i * multiple;
                                        best_h = j * multiple;
                                }
                        }
        }
        *ret_width = best_w;
        *ret_height = best_h;
}

Area frame_area(const Resolved *r)
{
        double scale = 1;

        if (r->enlarge != ENLARGE_NONE)
                scale = MAX((double)r->width / r->drawn_width, (double)r->height / r->drawn_height);
        Area area = { .width = r->width / scale, .height = r->height / scale };

        area.x = (r->drawn_width - area.width) / 2;
        area.y = (r->drawn_height - area.height) / 2;
        if (r->enlarge == ENLARGE_NONE) { /* whole pixels, so that nothing is interpolated */
                area.x = floor(area.x);
                area.y = floor(area.y);
        }
        return area;
}

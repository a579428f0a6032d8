/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/touches/enlarge.h"
#include "engine/image/picture.h"

static bool is_whole(const Area *area, const Tensor *picture)
{
        return area->x == 0 && area->y == 0 && area->width == picture->w && area->height == picture->h;
}

int enlarge(Compute *compute, const Enlargement *to, const Tensor *picture, Tensor *ret)
{
        const double wanted = to->width / to->area.width;
        Area area = to->area;
        Tensor now = *picture;

        if (to->upscaler && wanted > 1) {
                const uint32_t scale = upscaler_scale(to->upscaler);
                int r = upscaler_forward(to->upscaler, compute, picture, &now);
                if (r < 0)
                        return r;
                area = (Area) { area.x * scale, area.y * scale, area.width * scale, area.height * scale };
                picture_clamp(&now);
        }
        if (is_whole(&area, &now) && now.w == to->width && now.h == to->height) {
                *ret = now;
                return 0;
        }
        return resample(compute, &now, &area, to->width, to->height, ret);
}

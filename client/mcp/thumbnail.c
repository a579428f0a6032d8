/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/request.h"
#include "base/util.h"
#include "client/mcp/thumbnail.h"
#include "client/pixels.h"

static int encode_png(const Pixels *pixels, char **ret)
{
        _cleanup_(freep) uint8_t *png = NULL;
        size_t size;

        int r = pixels_to_png(pixels, &png, &size);
        if (r < 0)
                return r;
        *ret = base64_encode(png, size);
        return *ret ? 0 : -ENOMEM;
}

int thumbnail_encode(const Picture *png, uint32_t side, char **ret)
{
        _cleanup_(pixels_done) Pixels all = { 0 }, small = { 0 };
        const uint32_t longest = MAX(png->width, png->height);

        int r = pixels_from_png(png, REQUEST_SIZE_MAX, &all);
        if (r < 0)
                return r;
        if (longest <= side)
                return encode_png(&all, ret);
        r = pixels_shrink(&all, MAX((uint32_t)((uint64_t)all.width * side / longest), 1U),
                          MAX((uint32_t)((uint64_t)all.height * side / longest), 1U), &small);
        return r < 0 ? r : encode_png(&small, ret);
}

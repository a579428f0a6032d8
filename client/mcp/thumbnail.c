/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/request.h"
#include "base/util.h"
#include "client/mcp/thumbnail.h"
#include "client/pixels.h"

static int encode_png(const Pixels *pixels, char **ret)
{
        png_image image = {
                .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = pixels->width, .height = pixels->height,
        };
        png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
        _cleanup_(freep) uint8_t *png = malloc(size);

        if (!png)
                return -ENOMEM;
        if (!png_image_write_to_memory(&image, png, &size, 0, pixels->rgb, 0, NULL))
                return -EIO;
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

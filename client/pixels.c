/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/pixels.h"

int pixels_from_png(const Picture *png, Pixels *ret)
{
        png_image image = { .version = PNG_IMAGE_VERSION };
        _cleanup_(freep) uint8_t *rgb = NULL;

        if (!png_image_begin_read_from_memory(&image, png->data, png->size))
                return -EBADMSG;
        image.format = PNG_FORMAT_RGB;
        if (image.width <= PIXELS_SIDE_MAX && image.height <= PIXELS_SIDE_MAX)
                rgb = malloc(PNG_IMAGE_SIZE(image));
        int r = image.width > PIXELS_SIDE_MAX || image.height > PIXELS_SIDE_MAX ? -EFBIG
                : !rgb                                                          ? -ENOMEM
                : png_image_finish_read(&image, NULL, rgb, 0, NULL)             ? 0
                                                                                : -EBADMSG;
        png_image_free(&image);
        if (r >= 0)
                *ret = (Pixels) { .width = image.width, .height = image.height, .rgb = TAKE_PTR(rgb) };
        return r;
}

void pixels_done(Pixels *pixels)
{
        free(pixels->rgb);
        *pixels = (Pixels) { 0 };
}

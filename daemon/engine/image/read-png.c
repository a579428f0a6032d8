/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>
#include <string.h>

#include "engine/image/read.h"

int read_png(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error)
{
        png_image image = { .version = PNG_IMAGE_VERSION };

        if (!png_image_begin_read_from_memory(&image, data, size))
                return error_set(error, -EBADMSG, "%s: a broken PNG: %s", field, image.message);
        int r = read_picture_allocate(ret, field, image.width, image.height, error);
        if (r < 0) {
                png_image_free(&image);
                return r;
        }
        image.format = PNG_FORMAT_RGBA;
        if (!png_image_finish_read(&image, NULL, ret->rgba, 0, NULL))
                return error_set(error, -EBADMSG, "%s: a broken PNG: %s", field, image.message);
        return 0;
}

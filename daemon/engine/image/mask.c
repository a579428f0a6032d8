/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>
#include <stdbool.h>

#include "base/util.h"
#include "engine/image/mask.h"

#define HALF 128

void mask_values(const ReadPicture *mask, uint8_t *values)
{
        const size_t n = (size_t)mask->width * mask->height;
        bool transparent = false;

        for (size_t i = 0; i < n; i++)
                transparent = transparent || mask->rgba[i * 4 + 3] < 255;
        for (size_t i = 0; i < n; i++) {
                const uint8_t *p = mask->rgba + i * 4;
                values[i] = transparent ? 255 - p[3] : (uint8_t)((p[0] + p[1] + p[2] + 1) / 3);
        }
}

int mask_to_clear_png(const Picture *mask, void **ret_data, size_t *ret_size, Error *error)
{
        const size_t n = (size_t)mask->width * mask->height;
        _cleanup_(freep) uint8_t *rgba = calloc(n, 4);
        png_image image = { .version = PNG_IMAGE_VERSION, .width = mask->width, .height = mask->height, .format = PNG_FORMAT_RGBA };
        png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
        _cleanup_(freep) void *data = malloc(size);

        if (!rgba || !data)
                return error_set(error, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < n; i++)
                rgba[i * 4 + 3] = mask->rgb[i * 3] >= HALF ? 0 : 255;
        if (!png_image_write_to_memory(&image, data, &size, 0, rgba, 0, NULL))
                return error_set(error, -ENOMEM, "PNG: %s", image.message);
        *ret_data = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>
#include <stdbool.h>

#include "base/util.h"
#include "engine/image/mask.h"

#define HALF 128

static bool is_transparent_anywhere(const ReadPicture *picture)
{
        for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
                if (picture->rgba[i * 4 + 3] < 255)
                        return true;
        return false;
}

void mask_values(const ReadPicture *mask, MaskPaints paints, uint8_t *values)
{
        const bool by_alpha = is_transparent_anywhere(mask);
        const bool inverted = paints == MASK_PAINTS_DARK || paints == (by_alpha ? MASK_PAINTS_OPAQUE : MASK_PAINTS_CLEAR);

        for (size_t i = 0; i < (size_t)mask->width * mask->height; i++) {
                const uint8_t *p = mask->rgba + i * 4;
                values[i] = by_alpha ? 255 - p[3] : (uint8_t)((p[0] + p[1] + p[2] + 1) / 3);
                values[i] = inverted ? 255 - values[i] : values[i];
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

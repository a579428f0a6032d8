/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <openssl/sha.h>
#include <png.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/pixels.h"

int pixels_from_png(const Picture *png, uint32_t side_max, Pixels *ret)
{
        png_image image = { .version = PNG_IMAGE_VERSION };
        _cleanup_(freep) uint8_t *rgb = NULL;

        if (!png_image_begin_read_from_memory(&image, png->data, png->size))
                return -EBADMSG;
        image.format = PNG_FORMAT_RGB;
        if (image.width <= side_max && image.height <= side_max)
                rgb = malloc(PNG_IMAGE_SIZE(image));
        int r = image.width > side_max || image.height > side_max ? -EFBIG
                : !rgb                                                          ? -ENOMEM
                : png_image_finish_read(&image, NULL, rgb, 0, NULL)             ? 0
                                                                                : -EBADMSG;
        png_image_free(&image);
        if (r >= 0)
                *ret = (Pixels) { .width = image.width, .height = image.height, .rgb = TAKE_PTR(rgb) };
        return r;
}

/* The mean of the pixels that fall into one, of each channel. */
static void average(const Pixels *from, const uint32_t x[2], const uint32_t y[2], uint8_t rgb[3])
{
        const uint64_t n = MAX((uint64_t)(x[1] - x[0]) * (y[1] - y[0]), 1U);

        for (size_t channel = 0; channel < 3; channel++) {
                uint64_t sum = 0;
                for (uint32_t v = y[0]; v < y[1]; v++)
                        for (uint32_t u = x[0]; u < x[1]; u++)
                                sum += from->rgb[3 * ((size_t)v * from->width + u) + channel];
                rgb[channel] = (uint8_t)((sum + n / 2) / n);
        }
}

int pixels_shrink(const Pixels *from, uint32_t width, uint32_t height, Pixels *ret)
{
        uint8_t *rgb = malloc(3 * (size_t)width * height);

        if (!rgb)
                return -ENOMEM;
        for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++) {
                        const uint32_t left = (uint32_t)((uint64_t)x * from->width / width);
                        const uint32_t right = (uint32_t)(((uint64_t)x + 1) * from->width / width);
                        const uint32_t top = (uint32_t)((uint64_t)y * from->height / height);
                        const uint32_t bottom = (uint32_t)(((uint64_t)y + 1) * from->height / height);
                        average(from, (uint32_t[]) { left, right }, (uint32_t[]) { top, bottom },
                                rgb + 3 * ((size_t)y * width + x));
                }
        *ret = (Pixels) { .width = width, .height = height, .rgb = rgb };
        return 0;
}

int pixels_to_png(const Pixels *pixels, uint8_t **ret, size_t *ret_size)
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
        *ret = TAKE_PTR(png);
        *ret_size = size;
        return 0;
}

void pixels_done(Pixels *pixels)
{
        free(pixels->rgb);
        *pixels = (Pixels) { 0 };
}

int pixels_digest(const Pixels *pixels, char ret[static PIXELS_DIGEST_SIZE])
{
        uint8_t digest[SHA256_DIGEST_LENGTH];

        if (!SHA256(pixels->rgb, (size_t)3 * pixels->width * pixels->height, digest))
                return -EIO;
        for (size_t i = 0; i < sizeof(digest); i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

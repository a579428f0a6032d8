/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a stub worker draws: a gradient. */

#include <png.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memfd.h"

/* A PNG as a memfd, tinted by the seed. */
static inline int draw(uint32_t width, uint32_t height, uint64_t seed, bool sealed)
{
        png_image image = { .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB };
        uint8_t *pixels = malloc((size_t)3 * width * height);
        if (!pixels)
                _exit(4);

        for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++) {
                        uint8_t *p = pixels + 3 * ((size_t)y * width + x);
                        p[0] = (uint8_t)(255 * x / width);
                        p[1] = (uint8_t)(255 * y / height);
                        p[2] = (uint8_t)seed;
                }

        png_alloc_size_t size = 0;
        if (!png_image_write_get_memory_size(image, size, 0, pixels, 0, NULL))
                _exit(4);
        void *png = malloc(size);
        if (!png || !png_image_write_to_memory(&image, png, &size, 0, pixels, 0, NULL))
                _exit(4);

        int fd;
        if (sealed) {
                fd = memfd_new_sealed("picture", png, size);
        } else {
                fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                if (fd >= 0 && write(fd, png, size) != (ssize_t)size)
                        _exit(4);
        }
        free(png);
        free(pixels);
        if (fd < 0)
                _exit(4);
        return fd;
}

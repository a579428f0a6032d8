/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture as bytes of red, green and blue, row by row without gaps. */

#include "client/picture.h"

typedef struct Pixels {
        uint32_t width, height;
        uint8_t *rgb; /* 3 * width * height */
} Pixels;

/* Reads a PNG of at most so many pixels a side. 0, -EFBIG for larger ones, -EBADMSG, -ENOMEM; *ret is to be freed with
 * pixels_done(). */
int pixels_from_png(const Picture *png, uint32_t side_max, Pixels *ret);

/* The same picture smaller, or as large as it is: neither side is 0 or longer than it was. 0 or -ENOMEM. */
int pixels_shrink(const Pixels *from, uint32_t width, uint32_t height, Pixels *ret);

/* A file of it; *ret is malloc'ed. 0, -EIO or -ENOMEM. */
int pixels_to_png(const Pixels *pixels, uint8_t **ret, size_t *ret_size);

void pixels_done(Pixels *pixels);

#define PIXELS_DIGEST_SIZE 65

/* SHA-256 of the bytes, hexadecimal: what GetResult tells of a picture. 0 or -EIO. */
int pixels_digest(const Pixels *pixels, char ret[static PIXELS_DIGEST_SIZE]);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small picture as bytes of red, green and blue, row by row without gaps. */

#include "client/picture.h"

#define PIXELS_SIDE_MAX 1024U

typedef struct Pixels {
        uint32_t width, height;
        uint8_t *rgb; /* 3 * width * height */
} Pixels;

/* Reads a PNG. 0, -EFBIG for larger ones, -EBADMSG, -ENOMEM; *ret is to be freed with pixels_done(). */
int pixels_from_png(const Picture *png, Pixels *ret);

void pixels_done(Pixels *pixels);

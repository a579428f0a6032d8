/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture that came as a descriptor, checked before anything is made of it: a sealed memfd of a bounded
 * size that holds a PNG, JPEG or WebP from its signature to its end.
 *
 *     _cleanup_(picture_unmap) Picture picture = { 0 };
 *     int r = picture_map(fd, &picture, &error);
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PICTURE_BYTES_MAX (256U * 1024 * 1024)

typedef struct Picture {
        const uint8_t *data;
        size_t size;
        uint32_t width, height;
        const char *extension; /* "png", "jpg", "webp" */
        char pixels[72], record[16]; /* what the service tells of it: digest of its pixels, id of its record; "": nothing */
} Picture;

/* 0, -EBADMSG with a sentence if it is not such a descriptor, or what mapping gave. The descriptor can be
 * closed. */
int picture_map(int fd, Picture *ret, Error *error);

void picture_unmap(Picture *picture);

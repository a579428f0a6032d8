/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that come from outside: PNG, JPEG or WebP, told apart by their first bytes, whatever they are called. Whoever
 * made them is not trusted: bytes and pixels are bounded before anything is allocated. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/request.h"

#define READ_BYTES_MAX INPUT_BYTES_MAX
#define READ_SIDE_MAX INPUT_SIDE_MAX
#define READ_PIXELS_MAX INPUT_PIXELS_MAX

/* 8 bits a channel, sRGB as it stands in the file, alpha not multiplied in. */
typedef struct ReadPicture { /* read_picture_done() */
        uint32_t width, height;
        uint8_t *rgba;
} ReadPicture;

/* field names the picture in errors. -EOPNOTSUPP: none of these formats; -EFBIG: too many bytes or pixels; -EBADMSG:
 * broken, or cut off; -ENOMEM. */
int read_picture(ReadPicture *ret, const char *field, const void *data, size_t size, Error *error);
void read_picture_done(ReadPicture *picture);

/* For the formats: one file each. The same errors, and whatever is in *ret on failure is freed by the caller. They see at
 * least 12 bytes. read_picture_allocate checks the size. */
int read_png(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error);
int read_jpeg(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error);
int read_webp(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error);
int read_picture_allocate(ReadPicture *ret, const char *field, uint64_t width, uint64_t height, Error *error);

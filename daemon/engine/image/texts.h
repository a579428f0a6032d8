/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* What is written into a picture's file beside the picture, by the encoders of each format. */
typedef struct PictureTexts {
        const char *parameters; /* UTF-8; NULL: none */
        const char *xmp; /* a packet, of at most XMP_IN_FILE_MAX bytes; NULL: none */
        size_t xmp_size;
} PictureTexts;

/* A JPEG's segment has two bytes of length, and this begins with XMP's name. */
#define JPEG_SEGMENT_MAX 65533
#define JPEG_XMP_NAME "http://ns.adobe.com/xap/1.0/"
#define XMP_IN_FILE_MAX (JPEG_SEGMENT_MAX - sizeof(JPEG_XMP_NAME))

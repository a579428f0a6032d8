/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/image/encode.h"
#include "engine/image/jpeg.h"
#include "engine/image/png.h"
#include "engine/image/webp.h"
#include "marks/xmp.h"

#define QUALITY_DEFAULT 90

int picture_encode(const Picture *picture, PictureFormat format, unsigned quality, const Marks *marks, void **ret_data,
                   size_t *ret_size, Error *error)
{
        _cleanup_(freep) char *xmp = NULL;
        PictureTexts texts = { .parameters = marks->parameters };

        int r = xmp_write(marks, XMP_IN_FILE_MAX, &xmp, &texts.xmp_size);
        if (r < 0)
                return error_set(error, r, "XMP: %s", strerror(-r));
        texts.xmp = xmp;
        quality = quality ? quality : QUALITY_DEFAULT;
        switch (format) {
        case FORMAT_JPEG:
                return picture_to_jpeg(picture, &texts, quality, ret_data, ret_size, error);
        case FORMAT_WEBP:
                return picture_to_webp(picture, &texts, quality, ret_data, ret_size, error);
        default:
                return picture_to_png(picture, &texts, ret_data, ret_size, error);
        }
}

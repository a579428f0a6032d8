/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <webp/decode.h>

#include "engine/image/read.h"

int read_webp(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error)
{
        WebPBitstreamFeatures features;

        if (WebPGetFeatures(data, size, &features) != VP8_STATUS_OK)
                return error_set(error, -EBADMSG, "%s: a broken WebP", field);
        if (features.has_animation)
                return error_set(error, -EOPNOTSUPP, "%s: an animated WebP", field);
        int r = read_picture_allocate(ret, field, (uint64_t)features.width, (uint64_t)features.height, error);
        if (r < 0)
                return r;
        const size_t stride = (size_t)ret->width * 4;
        if (!WebPDecodeRGBAInto(data, size, ret->rgba, stride * ret->height, (int)stride))
                return error_set(error, -EBADMSG, "%s: a broken WebP", field);
        return 0;
}

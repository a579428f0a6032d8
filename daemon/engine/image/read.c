/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/image/read.h"

static const struct {
        const char *start;
        size_t at, size;
        int (*read)(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error);
} formats[] = {
        { "\x89PNG\r\n\x1a\n", 0, 8, read_png },
        { "\xff\xd8\xff", 0, 3, read_jpeg },
        { "WEBP", 8, 4, read_webp },
};

int read_picture_allocate(ReadPicture *ret, const char *field, uint64_t width, uint64_t height, Error *error)
{
        if (width == 0 || height == 0)
                return error_set(error, -EBADMSG, "%s: a picture without pixels", field);
        if (width > READ_SIDE_MAX || height > READ_SIDE_MAX || width * height > READ_PIXELS_MAX)
                return error_set(error, -EFBIG, "%s: %llu x %llu pixels; at most %u a side and %u megapixels", field,
                                 (unsigned long long)width, (unsigned long long)height, READ_SIDE_MAX,
                                 READ_PIXELS_MAX >> 20);
        ret->width = (uint32_t)width;
        ret->height = (uint32_t)height;
        ret->rgba = malloc((size_t)width * height * 4);
        return ret->rgba ? 0 : error_set(error, -ENOMEM, "%s: out of memory", field);
}

int read_picture(ReadPicture *ret, const char *field, const void *data, size_t size, Error *error)
{
        _cleanup_(read_picture_done) ReadPicture picture = {};

        if (size > READ_BYTES_MAX)
                return error_set(error, -EFBIG, "%s: more than %u MiB", field, READ_BYTES_MAX >> 20);
        for (size_t i = 0; i < ELEMENTSOF(formats) && size >= 12; i++) {
                if (memcmp((const uint8_t *)data + formats[i].at, formats[i].start, formats[i].size) != 0)
                        continue;
                int r = formats[i].read(&picture, field, data, size, error);
                if (r < 0)
                        return r;
                *ret = picture;
                picture = (ReadPicture) {};
                return 0;
        }
        return error_set(error, -EOPNOTSUPP, "%s: neither PNG nor JPEG nor WebP", field);
}

void read_picture_done(ReadPicture *picture)
{
        free(picture->rgba);
        *picture = (ReadPicture) {};
}

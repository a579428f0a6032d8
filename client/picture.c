/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memfd.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/picture.h"

/* PNG, section 5.2 to 5.6 and 11.2.2: signature; IHDR with length 13, width, height, …, CRC; …; IEND, empty. */
static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
static const uint8_t header_start[] = { 0, 0, 0, 13, 'I', 'H', 'D', 'R' };
static const uint8_t end_chunk[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 };
#define WIDTH_AT (sizeof(signature) + sizeof(header_start))
#define SIZE_MIN (WIDTH_AT + 13 + 4 + sizeof(end_chunk))

static uint32_t read_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Whether it begins so, without going beyond the end. */
static bool begins(const Picture *picture, const void *start, size_t size, size_t least)
{
        return picture->size >= least && memcmp(picture->data, start, size) == 0;
}

static int check_png(Picture *picture, Error *error)
{
        const uint8_t *data = picture->data;

        if (picture->size < SIZE_MIN || memcmp(data, signature, sizeof(signature)) != 0 ||
            memcmp(data + sizeof(signature), header_start, sizeof(header_start)) != 0)
                return error_set(error, -EBADMSG, _("the service sent something that is neither PNG nor JPEG nor WebP"));
        if (memcmp(data + picture->size - sizeof(end_chunk), end_chunk, sizeof(end_chunk)) != 0)
                return error_set(error, -EBADMSG, _("the service sent a PNG without an end"));
        picture->width = read_be32(data + WIDTH_AT);
        picture->height = read_be32(data + WIDTH_AT + 4);
        picture->extension = "png";
        return 0;
}

/* From marker to marker up to the frame header (ITU T.81, B.2.2). */
static int check_jpeg(Picture *picture, Error *error)
{
        const uint8_t *data = picture->data;

        if (data[picture->size - 2] != 0xff || data[picture->size - 1] != 0xd9)
                return error_set(error, -EBADMSG, _("the service sent a JPEG without an end"));
        for (size_t i = 2; i + 9 < picture->size && data[i] == 0xff;) {
                uint8_t marker = data[i + 1];
                if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
                        picture->height = (uint32_t)data[i + 5] << 8 | data[i + 6];
                        picture->width = (uint32_t)data[i + 7] << 8 | data[i + 8];
                        break;
                }
                i += 2 + ((size_t)data[i + 2] << 8 | data[i + 3]);
        }
        picture->extension = "jpg";
        return 0;
}

/* The length of the whole, and the size in the first chunk (RFC 9649). */
static int check_webp(Picture *picture, Error *error)
{
        const uint8_t *data = picture->data, *p = data + 20;
        uint32_t length = (uint32_t)data[7] << 24 | (uint32_t)data[6] << 16 | (uint32_t)data[5] << 8 | data[4];

        if ((size_t)length + 8 != picture->size)
                return error_set(error, -EBADMSG, _("the service sent a WebP without an end"));
        if (memcmp(data + 12, "VP8X", 4) == 0) {
                picture->width = 1 + ((uint32_t)p[6] << 16 | (uint32_t)p[5] << 8 | p[4]);
                picture->height = 1 + ((uint32_t)p[9] << 16 | (uint32_t)p[8] << 8 | p[7]);
        } else if (memcmp(data + 12, "VP8L", 4) == 0) {
                uint32_t bits = (uint32_t)p[4] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[2] << 8 | p[1];
                picture->width = 1 + (bits & 0x3fff);
                picture->height = 1 + (bits >> 14 & 0x3fff);
        } else if (memcmp(data + 12, "VP8 ", 4) == 0) {
                picture->width = ((uint32_t)p[7] << 8 | p[6]) & 0x3fff;
                picture->height = ((uint32_t)p[9] << 8 | p[8]) & 0x3fff;
        }
        picture->extension = "webp";
        return 0;
}

static int check_picture(Picture *picture, Error *error)
{
        int r = begins(picture, "\xff\xd8\xff", 3, 16)                                            ? check_jpeg(picture, error)
                : begins(picture, "RIFF", 4, 32) && memcmp(picture->data + 8, "WEBP", 4) == 0 ? check_webp(picture, error)
                                                                                              : check_png(picture, error);
        if (r >= 0 && (picture->width == 0 || picture->height == 0))
                return error_set(error, -EBADMSG, _("the service sent a picture without pixels"));
        return r;
}

int picture_map(int fd, Picture *ret, Error *error)
{
        Picture picture = { 0 };

        int r = memfd_check_sealed(fd, PICTURE_BYTES_MAX, &picture.size);
        if (r < 0)
                return error_set(error, -EBADMSG, "%s",
                                 r == -EFBIG     ? _("the service sent a picture that is too large")
                                 : r == -ENODATA ? _("the service sent a picture that is empty")
                                                 : _("the service sent a picture that is not in a sealed memfd"));
        void *data = mmap(NULL, picture.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, _("cannot map the picture: %s"), strerror(errno));

        picture.data = data;
        r = check_picture(&picture, error);
        if (r < 0) {
                picture_unmap(&picture);
                return r;
        }
        *ret = picture;
        return 0;
}

void picture_unmap(Picture *picture)
{
        if (picture->data)
                (void)munmap((void *)(uintptr_t)picture->data, picture->size);
        *picture = (Picture) { 0 };
}

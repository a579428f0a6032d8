/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memfd.h"
#include "base/util.h"
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

static int check_png(Picture *picture, Error *error)
{
        const uint8_t *data = picture->data;

        if (picture->size < SIZE_MIN || memcmp(data, signature, sizeof(signature)) != 0 ||
            memcmp(data + sizeof(signature), header_start, sizeof(header_start)) != 0)
                return error_set(error, -EBADMSG, "the service sent something that is not a PNG");
        if (memcmp(data + picture->size - sizeof(end_chunk), end_chunk, sizeof(end_chunk)) != 0)
                return error_set(error, -EBADMSG, "the service sent a PNG without an end");
        picture->width = read_be32(data + WIDTH_AT);
        picture->height = read_be32(data + WIDTH_AT + 4);
        if (picture->width == 0 || picture->height == 0)
                return error_set(error, -EBADMSG, "the service sent a PNG without pixels");
        return 0;
}

int picture_map(int fd, Picture *ret, Error *error)
{
        Picture picture;

        int r = memfd_check_sealed(fd, PICTURE_BYTES_MAX, &picture.size);
        if (r < 0)
                return error_set(error, -EBADMSG, "the service sent a picture that is %s",
                                 r == -EFBIG     ? "too large"
                                 : r == -ENODATA ? "empty"
                                                 : "not in a sealed memfd");
        void *data = mmap(NULL, picture.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, "cannot map the picture: %s", strerror(errno));

        picture.data = data;
        r = check_png(&picture, error);
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

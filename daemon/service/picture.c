/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memfd.h"
#include "service/picture.h"
#include "workers/protocol.h"

/* The signature, and the length and name of the first chunk (PNG, third edition, 5.2 and 11.2.1). */
static const uint8_t beginning[16] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

static uint32_t read_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int picture_size(int fd, size_t *ret)
{
        return memfd_check_sealed(fd, PROTOCOL_PICTURE_BYTES_MAX, ret);
}

int picture_check(int fd, PictureFormat format, uint32_t width, uint32_t height)
{
        uint8_t head[24];
        size_t size;

        /* First: to read anything else may take any time. */
        int r = picture_size(fd, &size);
        if (r < 0)
                return r;
        if (pread(fd, head, sizeof(head), 0) != sizeof(head))
                return -EBADMSG;
        if (format == FORMAT_JPEG)
                return memcmp(head, "\xff\xd8\xff", 3) == 0 ? 0 : -EBADMSG;
        if (format == FORMAT_WEBP)
                return memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBPVP8", 7) == 0 ? 0 : -EBADMSG;
        if (memcmp(head, beginning, sizeof(beginning)) != 0)
                return -EBADMSG;
        return read_be32(head + 16) == width && read_be32(head + 20) == height ? 0 : -EBADMSG;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/metadata/metadata.h"

static uint32_t read_le32(const uint8_t *p)
{
        return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int read_chunk(Metadata *metadata, const uint8_t *name, const uint8_t *data, size_t size)
{
        if (memcmp(name, "EXIF", 4) == 0) {
                /* Some write what a JPEG has in front. */
                const size_t skip = size > 6 && memcmp(data, "Exif\0", 6) == 0 ? 6 : 0;
                return metadata_read_exif(data + skip, size - skip, metadata);
        }
        if (memcmp(name, "XMP ", 4) == 0 && !metadata->xmp) {
                metadata->xmp = (const char *)data;
                metadata->xmp_size = size;
        }
        metadata->has_c2pa = metadata->has_c2pa || memcmp(name, "C2PA", 4) == 0;
        return 0;
}

int metadata_read_webp(const uint8_t *data, size_t size, Metadata *metadata)
{
        /* "RIFF", length, "WEBP"; then name, length, data and, if their number is odd, one more byte. */
        for (size_t at = 12; at < size && size - at >= 8;) {
                const size_t length = read_le32(data + at + 4);

                if (length > size - at - 8)
                        return 0;
                int r = read_chunk(metadata, data + at, data + at + 8, length);
                if (r < 0)
                        return r;
                at += 8 + length + (length & 1);
        }
        return 0;
}

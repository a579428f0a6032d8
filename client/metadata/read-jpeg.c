/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/metadata/metadata.h"

/* Markers of segments, and what begins those that we know. */
#define SCAN 0xda /* the picture follows */
#define APP1 0xe1
#define APP11 0xeb
#define COMMENT 0xfe

static const char exif_name[6] = "Exif\0";
static const char xmp_name[] = "http://ns.adobe.com/xap/1.0/";

static int read_segment(Metadata *metadata, uint8_t marker, const uint8_t *data, size_t size)
{
        if (marker == COMMENT)
                return metadata_add(metadata, "Comment", data, size);
        /* JPEG XT, box: "JP", instance and number of the box, its length and type; its first bytes name the manifest's store. */
        if (marker == APP11 && size > 12 && memcmp(data, "JP", 2) == 0)
                metadata->has_c2pa = metadata->has_c2pa || memmem(data, size, "c2pa", 4);
        if (marker != APP1)
                return 0;
        if (size > sizeof(exif_name) && memcmp(data, exif_name, sizeof(exif_name)) == 0)
                return metadata_read_exif(data + sizeof(exif_name), size - sizeof(exif_name), metadata);
        if (!metadata->xmp && size > sizeof(xmp_name) && memcmp(data, xmp_name, sizeof(xmp_name)) == 0) {
                metadata->xmp = (const char *)data + sizeof(xmp_name);
                metadata->xmp_size = size - sizeof(xmp_name);
        }
        return 0;
}

int metadata_read_jpeg(const uint8_t *data, size_t size, Metadata *metadata)
{
        /* 0xff, marker, length with itself. */
        for (size_t at = 2; size - at >= 4 && data[at] == 0xff && data[at + 1] != SCAN;) {
                const size_t length = (size_t)data[at + 2] << 8 | data[at + 3];

                if (length < 2 || length > size - at - 2)
                        return 0;
                int r = read_segment(metadata, data[at + 1], data + at + 4, length - 2);
                if (r < 0)
                        return r;
                at += 2 + length;
        }
        return 0;
}

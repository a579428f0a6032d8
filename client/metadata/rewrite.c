/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/rewrite.h"

#define PNG_START 33 /* bytes: the signature, and IHDR, which is the first chunk */
#define JPEG_SCAN 0xda
#define JPEG_APP0 0xe0
#define JPEG_APP1 0xe1
#define JPEG_SEGMENT_MAX 65533
#define VP8X_XMP 0x04

static const char png_keyword[] = "XML:com.adobe.xmp\0\0\0\0"; /* not compressed, no language, not translated */
static const char jpeg_name[] = "http://ns.adobe.com/xap/1.0/";

/* What is read, and what is written: room for all of it. */
typedef struct Rewriting {
        const uint8_t *data;
        size_t size;
        const char *xmp;
        size_t xmp_size;
        uint8_t *to;
} Rewriting;

static void put(Rewriting *w, const void *data, size_t size)
{
        w->to = mempcpy(w->to, data, size);
}

static void put_be32(Rewriting *w, uint32_t value)
{
        put(w, (uint8_t[]) { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value }, 4);
}

static void put_le32(Rewriting *w, uint32_t value)
{
        put(w, (uint8_t[]) { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24) }, 4);
}

static uint32_t get_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t get_le32(const uint8_t *p)
{
        return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* --- PNG: length, type, data, checksum --- */

static void put_png_text(Rewriting *w)
{
        const size_t size = sizeof(png_keyword) + w->xmp_size;

        put_be32(w, (uint32_t)size);
        const uint8_t *start = w->to;
        put(w, "iTXt", 4);
        put(w, png_keyword, sizeof(png_keyword));
        put(w, w->xmp, w->xmp_size);
        put_be32(w, (uint32_t)crc32(0, start, (uInt)(size + 4)));
}

static int rewrite_png(Rewriting *w)
{
        size_t at = PNG_START;

        if (w->size < PNG_START)
                return -EBADMSG;
        put(w, w->data, PNG_START);
        put_png_text(w);
        while (w->size - at >= 12) {
                const uint8_t *chunk = w->data + at;
                const uint32_t length = get_be32(chunk);
                if (length > w->size - at - 12)
                        return -EBADMSG;
                const bool is_xmp = memcmp(chunk + 4, "iTXt", 4) == 0 && length > strlen(png_keyword) &&
                                    memcmp(chunk + 8, png_keyword, strlen(png_keyword) + 1) == 0;
                if (!is_xmp)
                        put(w, chunk, 12 + (size_t)length);
                at += 12 + (size_t)length;
        }
        return at == w->size ? 0 : -EBADMSG;
}

/* --- JPEG: 0xff, marker, length with itself --- */

static void put_jpeg_segment(Rewriting *w)
{
        const size_t size = 2 + sizeof(jpeg_name) + w->xmp_size;

        put(w, (uint8_t[]) { 0xff, JPEG_APP1, (uint8_t)(size >> 8), (uint8_t)size }, 4);
        put(w, jpeg_name, sizeof(jpeg_name));
        put(w, w->xmp, w->xmp_size);
}

static bool is_jpeg_xmp(const uint8_t *segment, size_t length)
{
        return segment[1] == JPEG_APP1 && length > 2 + sizeof(jpeg_name) && memcmp(segment + 4, jpeg_name, sizeof(jpeg_name)) == 0;
}

static int rewrite_jpeg(Rewriting *w)
{
        bool is_put = false;
        size_t at = 2;

        if (sizeof(jpeg_name) + w->xmp_size > JPEG_SEGMENT_MAX)
                return -EFBIG;
        put(w, w->data, 2);
        while (w->size - at >= 4 && w->data[at] == 0xff && w->data[at + 1] != JPEG_SCAN) {
                const uint8_t *segment = w->data + at;
                const size_t length = (size_t)segment[2] << 8 | segment[3];
                if (length < 2 || length > w->size - at - 2)
                        return -EBADMSG;
                if (!is_put && segment[1] != JPEG_APP0) { /* which has to be the first */
                        put_jpeg_segment(w);
                        is_put = true;
                }
                if (!is_jpeg_xmp(segment, length))
                        put(w, segment, 2 + length);
                at += 2 + length;
        }
        put(w, w->data + at, w->size - at);
        return is_put ? 0 : -EBADMSG;
}

/* --- WebP: "RIFF", length, "WEBP"; then name, length, data, and a byte more if their number is odd --- */

static int rewrite_webp(Rewriting *w)
{
        uint8_t *start = w->to;
        size_t at = 12;

        if (w->size < 30 || memcmp(w->data, "RIFF", 4) != 0 || memcmp(w->data + 12, "VP8X", 4) != 0)
                return -EOPNOTSUPP;
        put(w, w->data, 12);
        while (at < w->size && w->size - at >= 8) {
                const uint8_t *chunk = w->data + at;
                const size_t length = get_le32(chunk + 4), whole = 8 + length + (length & 1);
                if (whole > w->size - at)
                        return -EBADMSG;
                if (memcmp(chunk, "XMP ", 4) != 0)
                        put(w, chunk, whole);
                at += whole;
        }
        start[20] |= VP8X_XMP; /* the flags are VP8X's first byte */
        put(w, "XMP ", 4);
        put_le32(w, (uint32_t)w->xmp_size);
        put(w, w->xmp, w->xmp_size);
        put(w, "", w->xmp_size & 1);
        const size_t size = (size_t)(w->to - start);
        w->to = start + 4;
        put_le32(w, (uint32_t)(size - 8));
        w->to = start + size;
        return 0;
}

typedef int (*rewrite_t)(Rewriting *w);

/* The first that its bytes say: a JPEG may have "WEBP" where a WebP has it. NULL: none that can be written. */
static rewrite_t find_container(const uint8_t *data, size_t size)
{
        static const struct {
                const char *start;
                size_t at, size;
                rewrite_t rewrite;
        } containers[] = {
                { "\x89PNG\r\n\x1a\n", 0, 8, rewrite_png },
                { "\xff\xd8\xff", 0, 3, rewrite_jpeg },
                { "WEBP", 8, 4, rewrite_webp },
        };

        for (size_t i = 0; i < ELEMENTSOF(containers) && size >= 12; i++)
                if (memcmp(data + containers[i].at, containers[i].start, containers[i].size) == 0)
                        return containers[i].rewrite;
        return NULL;
}

int metadata_rewrite(const void *data, size_t size, const char *xmp, size_t xmp_size, uint8_t **ret, size_t *ret_size)
{
        const rewrite_t rewrite = find_container(data, size);

        if (!rewrite)
                return -EOPNOTSUPP;
        _cleanup_(freep) uint8_t *start = malloc(size + xmp_size + 64);
        if (!start)
                return -ENOMEM;
        Rewriting w = { data, size, xmp, xmp_size, start };
        int r = rewrite(&w);
        if (r < 0)
                return r;
        *ret_size = (size_t)(w.to - start);
        *ret = TAKE_PTR(start);
        return 0;
}

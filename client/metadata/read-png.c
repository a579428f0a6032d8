/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/metadata.h"

#define SIGNATURE_SIZE 8
#define KEYWORD_MAX 79
#define XMP_KEYWORD "XML:com.adobe.xmp"

typedef struct Bytes {
        const uint8_t *at, *end;
} Bytes;

static uint32_t read_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What stands before the next zero; the bytes go on behind it. NULL if there is none. */
static const char *take_string(Bytes *bytes)
{
        const uint8_t *start = bytes->at, *zero = memchr(start, '\0', (size_t)(bytes->end - start));

        if (!zero)
                return NULL;
        bytes->at = zero + 1;
        return (const char *)start;
}

static bool take_byte(Bytes *bytes, uint8_t *ret)
{
        if (bytes->at == bytes->end)
                return false;
        *ret = *bytes->at++;
        return true;
}

/* 1; 0 if it is broken or too large; -ENOMEM. */
static int inflate_text(Bytes bytes, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *text = malloc(METADATA_SIZE_MAX);
        uLongf size = METADATA_SIZE_MAX;

        if (!text)
                return -ENOMEM;
        if (uncompress(text, &size, bytes.at, (uLong)(bytes.end - bytes.at)) != Z_OK)
                return 0;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 1;
}

static int set_xmp(Metadata *metadata, const uint8_t *data, size_t size, char *owned)
{
        if (metadata->xmp) {
                free(owned);
                return 0;
        }
        metadata->xmp = (const char *)data;
        metadata->xmp_size = size;
        metadata->xmp_owned = owned;
        return 0;
}

static int add_text(Metadata *metadata, const char *key, Bytes text, bool is_compressed)
{
        uint8_t *inflated = NULL;
        size_t size = (size_t)(text.end - text.at);

        int r = is_compressed ? inflate_text(text, &inflated, &size) : 1;
        if (r <= 0)
                return r;
        const uint8_t *data = inflated ? inflated : text.at;
        if (streq(key, XMP_KEYWORD))
                return set_xmp(metadata, data, size, (char *)inflated);
        r = metadata_add(metadata, key, data, size);
        free(inflated);
        return r;
}

/* PNG, 11.3.3: keyword, 0, text; of a zTXt: keyword, 0, method, text; of an iTXt: keyword, 0, whether compressed, method, language,
 * 0, translated keyword, 0, text. */
static int read_text(Metadata *metadata, const char *type, Bytes bytes)
{
        uint8_t compressed = 0, method = 0;
        const char *key = take_string(&bytes);

        if (!key || strlen(key) > KEYWORD_MAX)
                return 0;
        if (memcmp(type, "iTXt", 4) == 0) {
                if (!take_byte(&bytes, &compressed) || !take_byte(&bytes, &method) || !take_string(&bytes) ||
                    !take_string(&bytes))
                        return 0;
        } else if (memcmp(type, "zTXt", 4) == 0) {
                compressed = 1;
                if (!take_byte(&bytes, &method))
                        return 0;
        }
        return method == 0 ? add_text(metadata, key, bytes, compressed != 0) : 0;
}

static int read_chunk(Metadata *metadata, const char *type, Bytes bytes)
{
        if (memcmp(type, "tEXt", 4) == 0 || memcmp(type, "zTXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0)
                return read_text(metadata, type, bytes);
        if (memcmp(type, "eXIf", 4) == 0)
                return metadata_read_exif(bytes.at, (size_t)(bytes.end - bytes.at), metadata);
        metadata->has_c2pa = metadata->has_c2pa || memcmp(type, "caBX", 4) == 0;
        return 0;
}

int metadata_read_png(const uint8_t *data, size_t size, Metadata *metadata)
{
        size_t at = SIGNATURE_SIZE;

        /* Length, type, data, checksum. */
        while (size - at >= 12) {
                const uint32_t length = read_be32(data + at);

                if (length > size - at - 12)
                        return 0;
                int r = read_chunk(metadata, (const char *)data + at + 4, (Bytes) { data + at + 8, data + at + 8 + length });
                if (r < 0)
                        return r;
                at += 12 + (size_t)length;
        }
        return 0;
}

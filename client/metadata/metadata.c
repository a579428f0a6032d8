/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/metadata/metadata.h"

static const struct {
        const char *name, *start;
        size_t at, size;
        int (*read)(const uint8_t *data, size_t size, Metadata *metadata);
} containers[] = {
        { "png", "\x89PNG\r\n\x1a\n", 0, 8, metadata_read_png },
        { "jpeg", "\xff\xd8\xff", 0, 3, metadata_read_jpeg },
        { "webp", "WEBP", 8, 4, metadata_read_webp },
};

int metadata_read(const void *data, size_t size, Metadata *ret)
{
        _cleanup_(metadata_done) Metadata metadata = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(containers); i++) {
                if (size < 12 || memcmp((const uint8_t *)data + containers[i].at, containers[i].start, containers[i].size) != 0)
                        continue;
                metadata.container = containers[i].name;
                int r = containers[i].read(data, size, &metadata);
                if (r < 0)
                        return r;
                *ret = metadata;
                metadata = (Metadata) { 0 };
                return 1;
        }
        return 0;
}

/* Latin-1, as a tEXt chunk's text is by the standard, to UTF-8. Many write UTF-8 all the same. */
static char *to_utf8(const uint8_t *data, size_t size)
{
        char *text = calloc(size + 1, 2), *to = text;

        if (!text || utf8_is_valid((const char *)data, size))
                return text ? memcpy(text, data, size) : NULL;
        for (size_t i = 0; i < size; i++)
                if (data[i] < 0x80) {
                        *to++ = (char)data[i];
                } else {
                        *to++ = (char)(0xc0 | data[i] >> 6);
                        *to++ = (char)(0x80 | (data[i] & 0x3f));
                }
        return text;
}

int metadata_add(Metadata *metadata, const char *key, const void *text, size_t size)
{
        MetadataText *added = &metadata->texts[metadata->n_texts];
        const size_t length = strnlen(text, size);

        if (metadata->n_texts == METADATA_TEXTS_MAX || length > METADATA_SIZE_MAX)
                return 0;
        _cleanup_(freep) char *name = strdup(key);
        char *value = to_utf8(text, length);
        if (!name || !value) {
                free(value);
                return -ENOMEM;
        }
        utf8_sanitize(name);
        *added = (MetadataText) { TAKE_PTR(name), value };
        metadata->n_texts++;
        return 0;
}

const char *metadata_text(const Metadata *metadata, const char *key)
{
        for (size_t i = 0; i < metadata->n_texts; i++)
                if (streq(metadata->texts[i].key, key))
                        return metadata->texts[i].text;
        return NULL;
}

void metadata_done(Metadata *metadata)
{
        for (size_t i = 0; i < metadata->n_texts; i++) {
                free(metadata->texts[i].key);
                free(metadata->texts[i].text);
        }
        free(metadata->xmp_owned);
        *metadata = (Metadata) { 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/metadata/metadata.h"

/* A directory of a TIFF (6.0, section 2): a number of entries of twelve bytes. */
#define ENTRY_SIZE 12
#define ENTRIES_MAX 512
#define TAG_EXIF 0x8769 /* leads to the directory that has the comment */
#define TAG_COMMENT 0x9286
#define TYPE_BYTE 1
#define TYPE_ASCII 2
#define TYPE_UNDEFINED 7

typedef struct Tiff {
        const uint8_t *data;
        size_t size;
        bool is_little;
        Metadata *metadata;
} Tiff;

static const struct {
        uint32_t tag;
        const char *name;
} fields[] = {
        { 0x010e, "ImageDescription" },
        { 0x010f, "Make" },
        { 0x0110, "Model" },
        { 0x0131, "Software" },
};

static uint32_t get16(const Tiff *tiff, size_t at)
{
        const uint8_t *p = tiff->data + at;
        return tiff->is_little ? (uint32_t)p[1] << 8 | p[0] : (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const Tiff *tiff, size_t at)
{
        return tiff->is_little ? get16(tiff, at + 2) << 16 | get16(tiff, at) : get16(tiff, at) << 16 | get16(tiff, at + 2);
}

/* Writers disagree about the byte order: what is mostly of scripts with few code points has its zeros on one side. */
static bool is_little(const Tiff *tiff, const uint8_t *text, size_t units)
{
        size_t first = 0, second = 0;

        for (size_t i = 0; i < units; i++) {
                first += text[2 * i] == 0;
                second += text[2 * i + 1] == 0;
        }
        return first == second ? tiff->is_little : second > first;
}

static int add_utf16(const Tiff *tiff, const char *key, const uint8_t *text, size_t n)
{
        _cleanup_(freep) uint16_t *units = calloc(n + 1, sizeof(uint16_t));
        const bool little = is_little(tiff, text, n);
        size_t length = 0;

        if (!units)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                units[i] = (uint16_t)(text[2 * i + little] << 8 | text[2 * i + !little]);
        _cleanup_(freep) uint8_t *utf8 = u16_to_u8(units, n, NULL, &length);
        if (!utf8)
                return errno == ENOMEM ? -ENOMEM : 0;
        return metadata_add(tiff->metadata, key, utf8, length);
}

/* Eight bytes name the characters. */
static int add_comment(const Tiff *tiff, const uint8_t *data, size_t size)
{
        if (size < 8)
                return 0;
        if (memcmp(data, "UNICODE", 8) == 0)
                return add_utf16(tiff, "UserComment", data + 8, (size - 8) / 2);
        return metadata_add(tiff->metadata, "UserComment", data + 8, size - 8);
}

static int read_entry(const Tiff *tiff, size_t at, size_t *ret_exif)
{
        const uint32_t tag = get16(tiff, at), type = get16(tiff, at + 2), count = get32(tiff, at + 4);
        const size_t place = count <= 4 ? at + 8 : get32(tiff, at + 8);

        if (tag == TAG_EXIF)
                *ret_exif = get32(tiff, at + 8);
        if ((type != TYPE_BYTE && type != TYPE_ASCII && type != TYPE_UNDEFINED) || place > tiff->size || count > tiff->size - place)
                return 0;
        if (tag == TAG_COMMENT)
                return add_comment(tiff, tiff->data + place, count);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (tag == fields[i].tag)
                        return metadata_add(tiff->metadata, fields[i].name, tiff->data + place, count);
        return 0;
}

static int read_directory(const Tiff *tiff, size_t at, size_t *ret_exif)
{
        int r = 0;

        if (at < 8 || at > tiff->size || tiff->size - at < 2)
                return 0;
        const size_t n = MIN(get16(tiff, at), (uint32_t)ENTRIES_MAX);
        at += 2;
        for (size_t i = 0; i < n && tiff->size - at >= ENTRY_SIZE && r >= 0; i++, at += ENTRY_SIZE)
                r = read_entry(tiff, at, ret_exif);
        return r;
}

int metadata_read_exif(const uint8_t *data, size_t size, Metadata *metadata)
{
        Tiff tiff = { data, size, .metadata = metadata };
        size_t exif = 0, none = 0;

        if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
                return 0;
        tiff.is_little = data[0] == 'I';
        int r = read_directory(&tiff, get32(&tiff, 4), &exif);
        return r < 0 || exif == 0 ? r : read_directory(&tiff, exif, &none);
}

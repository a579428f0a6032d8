/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/image/exif.h"

/* Two directories of one entry each (Exif 2.32, 4.6): the first leads to the second, which has the comment. */
#define COMMENT_AT 44

static void put16(uint8_t *at, uint32_t value)
{
        at[0] = (uint8_t)(value >> 8);
        at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
        put16(at, value >> 16);
        put16(at + 2, value & 0xffff);
}

static void put_directory(uint8_t *at, uint32_t tag, uint32_t type, uint32_t count, uint32_t value)
{
        put16(at, 1);
        put16(at + 2, tag);
        put16(at + 4, type);
        put32(at + 6, count);
        put32(at + 10, value);
        put32(at + 14, 0); /* no further one */
}

int exif_new(const char *text, uint8_t **ret, size_t *ret_size)
{
        size_t n = 0;
        _cleanup_(freep) uint16_t *units = u8_to_u16((const uint8_t *)text, strlen(text), NULL, &n);
        if (!units)
                return -errno;
        uint8_t *data = calloc(1, COMMENT_AT + 8 + n * 2);
        if (!data)
                return -ENOMEM;

        static const char start[8] = { 'M', 'M', 0, '*', 0, 0, 0, 8 }; /* big-endian; the first directory is at 8 */
        memcpy(data, start, sizeof(start));
        put_directory(data + 8, 0x8769, 4, 1, 26);
        put_directory(data + 26, 0x9286, 7, (uint32_t)(8 + n * 2), COMMENT_AT);
        static const char code[8] = "UNICODE"; /* of characters, the zero included */
        memcpy(data + COMMENT_AT, code, sizeof(code));
        for (size_t i = 0; i < n; i++)
                put16(data + COMMENT_AT + 8 + i * 2, units[i]);
        *ret = data;
        *ret_size = COMMENT_AT + 8 + n * 2;
        return 0;
}

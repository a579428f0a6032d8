/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_three(const uint8_t *data, size_t size, char text[4])
{
        const uint32_t bits = (uint32_t)data[0] << 16 | (size > 1 ? (uint32_t)data[1] << 8 : 0) | (size > 2 ? data[2] : 0);

        text[0] = digits[bits >> 18];
        text[1] = digits[bits >> 12 & 63];
        text[2] = size > 1 ? digits[bits >> 6 & 63] : '=';
        text[3] = size > 2 ? digits[bits & 63] : '=';
}

void base64_put(const void *data, size_t size, FILE *f)
{
        for (size_t i = 0; i < size; i += 3) {
                char text[4];
                encode_three((const uint8_t *)data + i, size - i, text);
                (void)fwrite(text, 1, sizeof(text), f);
        }
}

char *base64_encode(const void *data, size_t size)
{
        char *text = malloc((size + 2) / 3 * 4 + 1);

        if (!text)
                return NULL;
        for (size_t i = 0; i < size; i += 3)
                encode_three((const uint8_t *)data + i, size - i, text + i / 3 * 4);
        text[(size + 2) / 3 * 4] = '\0';
        return text;
}

static int digit_value(char c)
{
        return c >= 'A' && c <= 'Z'   ? c - 'A'
               : c >= 'a' && c <= 'z' ? c - 'a' + 26
               : c >= '0' && c <= '9' ? c - '0' + 52
               : c == '+'             ? 62
               : c == '/'             ? 63
                                      : -1;
}

ssize_t base64_decode(char *text, size_t size)
{
        uint32_t bits = 0;
        size_t n = 0, padding = 0, written = 0;

        for (size_t i = 0; i < size; i++) {
                if (text[i] == '\r' || text[i] == '\n' || text[i] == ' ')
                        continue;
                if (text[i] == '=') {
                        padding++;
                        continue;
                }
                const int value = digit_value(text[i]);
                if (value < 0 || padding > 0)
                        return -EBADMSG;
                bits = bits << 6 | (uint32_t)value;
                if (++n % 4 != 0)
                        continue;
                text[written++] = (char)(bits >> 16);
                text[written++] = (char)(bits >> 8);
                text[written++] = (char)bits;
        }
        if (n % 4 == 1 || padding > 2)
                return -EBADMSG;
        if (n % 4 >= 2)
                text[written++] = (char)(n % 4 == 2 ? bits >> 4 : bits >> 10);
        if (n % 4 == 3)
                text[written++] = (char)(bits >> 2);
        return (ssize_t)written;
}

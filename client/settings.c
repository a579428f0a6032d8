/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/settings.h"

#define KEY "parameters"
#define NEGATIVE "\nNegative prompt: "
#define VALUES "Steps: "
/* Longer ones were not written by anybody who wrote settings. */
#define TEXT_SIZE_MAX (1U << 20)

static const uint8_t png_signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
static const char exif_code[8] = "UNICODE";

static uint32_t read_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Latin-1, as a tEXt chunk's text is by the standard, to UTF-8. Many write UTF-8 all the same. */
static char *text_of_latin(const uint8_t *data, size_t size)
{
        char *text = calloc(size + 1, 2), *to = text;

        if (!text || (!memchr(data, '\0', size) && utf8_is_valid((const char *)data, size)))
                return text ? memcpy(text, data, size) : NULL;
        for (size_t i = 0; i < size && data[i]; i++)
                if (data[i] < 0x80) {
                        *to++ = (char)data[i];
                } else {
                        *to++ = (char)(0xc0 | data[i] >> 6);
                        *to++ = (char)(0x80 | (data[i] & 0x3f));
                }
        return text;
}

static char *text_of_utf8(const uint8_t *data, size_t size)
{
        const size_t length = strnlen((const char *)data, size);
        char *text = calloc(1, length + 1);

        if (text)
                utf8_sanitize(memcpy(text, data, length));
        return text;
}

/* PNG, 11.3.3: keyword, 0, text; of an iTXt: keyword, 0, compressed, method, language, 0, translated keyword, 0, text. */
static int read_text_chunk(const uint8_t *data, size_t size, bool is_international, char **ret)
{
        if (size < sizeof(KEY) || memcmp(data, KEY, sizeof(KEY)) != 0)
                return 0;
        const uint8_t *at = data + sizeof(KEY), *end = data + size;

        if (is_international) {
                if (end - at < 2 || at[0] != 0)
                        return 0;
                at += 2;
                for (int i = 0; i < 2; i++) {
                        at = memchr(at, '\0', (size_t)(end - at));
                        if (!at)
                                return 0;
                        at++;
                }
        }
        *ret = is_international ? text_of_utf8(at, (size_t)(end - at)) : text_of_latin(at, (size_t)(end - at));
        return *ret ? 1 : -ENOMEM;
}

static int find_in_png(const uint8_t *data, size_t size, char **ret)
{
        size_t at = sizeof(png_signature);

        /* Length, type, data, checksum. */
        while (size - at >= 12) {
                const uint32_t length = read_be32(data + at);
                const bool is_text = memcmp(data + at + 4, "tEXt", 4) == 0, is_itxt = memcmp(data + at + 4, "iTXt", 4) == 0;

                if (length > size - at - 12)
                        return 0;
                if ((is_text || is_itxt) && length <= TEXT_SIZE_MAX) {
                        int r = read_text_chunk(data + at + 8, length, is_itxt, ret);
                        if (r != 0)
                                return r;
                }
                at += 12 + (size_t)length;
        }
        return 0;
}

/* UTF-16, big-endian, as we and web UIs write the comment, up to what no text has. */
static int find_in_exif(const uint8_t *data, size_t size, char **ret)
{
        const uint8_t *at = memmem(data, size, exif_code, sizeof(exif_code));
        if (!at)
                return 0;

        at += sizeof(exif_code);
        const size_t most = MIN((size_t)(data + size - at) / 2, (size_t)TEXT_SIZE_MAX);
        _cleanup_(freep) uint16_t *units = calloc(most + 1, sizeof(uint16_t));
        size_t n = 0, length = 0;
        if (!units)
                return -ENOMEM;
        for (; n < most && (at[2 * n] || at[2 * n + 1]); n++)
                units[n] = (uint16_t)(at[2 * n] << 8 | at[2 * n + 1]);
        /* What follows in a JPEG is no text; the longest beginning that is some is taken. */
        const uint16_t *bad = u16_check(units, n);
        _cleanup_(freep) uint8_t *text = u16_to_u8(units, bad ? (size_t)(bad - units) : n, NULL, &length);
        if (!text)
                return errno == ENOMEM ? -ENOMEM : 0;
        char *version = memmem(text, length, "Version: imagined ", 18);
        if (version) { /* with which it ends */
                size_t end = (size_t)((uint8_t *)version - text) + 18;
                while (end < length && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.'))
                        end++;
                length = end;
        }
        *ret = text_of_utf8(text, length);
        return *ret ? 1 : -ENOMEM;
}

/* Prompt, negative prompt, values: each begins in a line of its own. */
static int take_apart(Settings *s)
{
        const char *values = strncmp(s->text, VALUES, strlen(VALUES)) == 0 ? s->text : NULL;

        for (const char *at = s->text; (at = strstr(at, "\n" VALUES)); at++)
                values = at + 1;
        if (!values)
                return 0;

        const size_t before = (size_t)(values - s->text);
        _cleanup_(freep) char *head = strndup(s->text, before > 0 ? before - 1 : 0);
        if (!head)
                return -ENOMEM;
        char *negative = strncmp(head, &NEGATIVE[1], strlen(NEGATIVE) - 1) == 0 ? head : strstr(head, NEGATIVE);
        s->negative = strdup(negative ? negative + strlen(NEGATIVE) - (negative == head && *head != '\n') : "");
        if (negative)
                *negative = '\0';
        s->prompt = strdup(head);
        s->values = strdup(values);
        return s->prompt && s->negative && s->values ? 1 : -ENOMEM;
}

int settings_find(const void *data, size_t size, Settings *ret)
{
        const bool is_png = size >= sizeof(png_signature) && memcmp(data, png_signature, sizeof(png_signature)) == 0;
        _cleanup_(settings_done) Settings settings = { 0 };

        int r = is_png ? find_in_png(data, size, &settings.text) : find_in_exif(data, size, &settings.text);
        if (r > 0)
                r = take_apart(&settings);
        if (r <= 0)
                return r;
        *ret = settings;
        settings = (Settings) { 0 };
        return 1;
}

void settings_done(Settings *settings)
{
        free(settings->text);
        free(settings->prompt);
        free(settings->negative);
        free(settings->values);
        *settings = (Settings) { 0 };
}

bool settings_value(const Settings *settings, const char *name, char *buffer, size_t size)
{
        const size_t length = strlen(name);

        for (const char *s = settings->values; s; s = strstr(s, ", ")) {
                s += *s == ',' ? 2 : 0;
                if (strncmp(s, name, length) != 0 || strncmp(s + length, ": ", 2) != 0)
                        continue;
                s += length + 2;
                (void)snprintf(buffer, size, "%.*s", (int)strcspn(s, ",\n"), s);
                return true;
        }
        return false;
}

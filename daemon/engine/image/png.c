/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <png.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/png.h"

/* zlib's levels from 4 on make files 15 % smaller in four to ten times the time, 0.2 s for 512 x 512 pixels at 6. */
#define COMPRESSION_LEVEL 2

typedef struct Output {
        uint8_t *data;
        size_t size, room;
        Error *error;
} Output;

/* libpng ends a failed call by longjmp to where picture_to_png waits. */
static void on_error(png_structp png, png_const_charp message)
{
        Output *output = png_get_error_ptr(png);

        (void)error_set(output->error, -EINVAL, "PNG: %s", message);
        png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
        (void)png;
        (void)message;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
        Output *output = png_get_io_ptr(png);

        if (size > output->room - output->size) {
                size_t room = MAX(output->room * 2, output->size + size + 65536);
                uint8_t *grown = realloc(output->data, room);
                if (!grown)
                        png_error(png, "out of memory");
                output->data = grown;
                output->room = room;
        }
        memcpy(output->data + output->size, data, size);
        output->size += size;
}

static void on_flush(png_structp png)
{
        (void)png;
}

/* The text as Latin-1, or NULL if it has other characters (or there is no memory: then UTF-8 it is). */
static char *to_latin1(const char *utf8)
{
        char *latin1 = malloc(strlen(utf8) + 1), *out = latin1;

        for (const uint8_t *s = (const uint8_t *)utf8; latin1 && *s; s++) {
                if (*s < 0x80) {
                        *out++ = (char)*s;
                } else if ((*s == 0xc2 || *s == 0xc3) && (s[1] & 0xc0) == 0x80) {
                        *out++ = (char)((s[0] & 3) << 6 | (s[1] & 0x3f));
                        s++;
                } else {
                        free(latin1);
                        return NULL;
                }
        }
        if (latin1)
                *out = '\0';
        return latin1;
}

static void set_text(png_structp png, png_infop info, const char *key, const char *text, bool latin1)
{
        png_text chunk = {
                .compression = latin1 ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE,
                .key = (char *)key,
                .text = (char *)text,
                .text_length = latin1 ? strlen(text) : 0,
                .itxt_length = latin1 ? 0 : strlen(text),
                .lang = latin1 ? NULL : (char *)"",
                .lang_key = latin1 ? NULL : (char *)"",
        };
        png_set_text(png, info, &chunk, 1);
}

/* Everything that may jump; whatever it needs was allocated before. */
static int write_png(png_structp png, png_infop info, const Picture *picture, const PictureTexts *texts, const char *latin1)
{
        if (setjmp(png_jmpbuf(png)))
                return -EINVAL;

        png_set_IHDR(png, info, picture->width, picture->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_set_compression_level(png, COMPRESSION_LEVEL);
        png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
        if (texts->parameters)
                set_text(png, info, "parameters", latin1 ? latin1 : texts->parameters, latin1);
        if (texts->xmp)
                set_text(png, info, "XML:com.adobe.xmp", texts->xmp, false);
        png_write_info(png, info);
        for (uint32_t y = 0; y < picture->height; y++)
                png_write_row(png, picture->rgb + (size_t)y * picture->width * 3);
        png_write_end(png, info);
        return 0;
}

int picture_to_png(const Picture *picture, const PictureTexts *texts, void **ret_data, size_t *ret_size, Error *error)
{
        Error own_error = {};
        Output output = { .error = error ? error : &own_error };
        _cleanup_(freep) char *latin1 = texts->parameters ? to_latin1(texts->parameters) : NULL;

        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &output, on_error, on_warning);
        png_infop info = png ? png_create_info_struct(png) : NULL;
        int r = -ENOMEM;
        if (info) {
                png_set_write_fn(png, &output, on_write, on_flush);
                r = write_png(png, info, picture, texts, latin1);
        }
        png_destroy_write_struct(&png, &info);
        if (r < 0) {
                free(output.data);
                return r == -ENOMEM ? error_set(error, r, "PNG: out of memory") : r;
        }

        *ret_data = output.data;
        *ret_size = output.size;
        return 0;
}

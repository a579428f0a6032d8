/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/terminal/sixel.h"

#define COLOURS_MAX (SIXEL_LEVELS_MAX * SIXEL_LEVELS_MAX * SIXEL_LEVELS_MAX)
#define BAND 6U
#define RUN_MIN 4U /* shorter ones are no longer when they are written out */

/* A picture whose pixels are numbers of colours. */
typedef struct Indexed {
        uint32_t width, height;
        unsigned levels;
        uint8_t *index;
        bool is_used[COLOURS_MAX];
} Indexed;

/* Errors of a row and the one below it, 16ths of a value, with a pixel beyond either end. */
typedef struct Errors {
        int *now, *next;
} Errors;

/* The nearest level of a channel, and what is left over spread as Floyd and Steinberg do (1976): 7/16 ahead, 3/16, 5/16
 * and 1/16 below. */
static unsigned dither_channel(int value, unsigned levels, size_t at, int ahead, const Errors *errors)
{
        const int most = (int)levels - 1;
        const int wanted = MIN(MAX(value + errors->now[at] / 16, 0), 255);
        const int level = (wanted * most + 127) / 255, left = wanted - level * 255 / most;
        const size_t forward = (size_t)((ptrdiff_t)at + ahead), back = (size_t)((ptrdiff_t)at - ahead);

        errors->now[forward] += 7 * left;
        errors->next[back] += 3 * left;
        errors->next[at] += 5 * left;
        errors->next[forward] += left;
        return (unsigned)level;
}

/* Every other row from right to left, else errors flow to one side. */
static void dither_row(const Pixels *pixels, Indexed *to, uint32_t y, const Errors *errors)
{
        const int ahead = y % 2 ? -3 : 3;

        for (uint32_t i = 0; i < to->width; i++) {
                const uint32_t x = y % 2 ? to->width - 1 - i : i;
                const uint8_t *rgb = pixels->rgb + 3 * ((size_t)y * to->width + x);
                unsigned colour = 0;
                for (size_t channel = 0; channel < 3; channel++)
                        colour = colour * to->levels +
                                 dither_channel(rgb[channel], to->levels, 3 * ((size_t)x + 1) + channel, ahead, errors);
                to->index[(size_t)y * to->width + x] = (uint8_t)colour;
                to->is_used[colour] = true;
        }
}

static int dither(const Pixels *pixels, Indexed *to)
{
        const size_t size = 3 * ((size_t)to->width + 2);
        _cleanup_(freep) int *rows = calloc(2 * size, sizeof(*rows));

        if (!rows)
                return -ENOMEM;
        for (uint32_t y = 0; y < to->height; y++) {
                const Errors errors = { rows + (y % 2 ? size : 0), rows + (y % 2 ? 0 : size) };
                memset(errors.next, 0, size * sizeof(*rows));
                dither_row(pixels, to, y, &errors);
        }
        return 0;
}

static void put_palette(const Indexed *from, FILE *f)
{
        const unsigned n = from->levels, most = n - 1;

        for (unsigned i = 0; i < n * n * n; i++)
                if (from->is_used[i])
                        (void)fprintf(f, "#%u;2;%u;%u;%u", i, i / (n * n) * 100 / most, i / n % n * 100 / most, i % n * 100 / most);
}

static void put_run(char sixel, uint32_t length, FILE *f)
{
        if (length >= RUN_MIN) {
                (void)fprintf(f, "!%u%c", length, sixel);
                return;
        }
        for (; length > 0; length--)
                (void)fputc(sixel, f);
}

/* One colour of a band: which of six pixels have it, bit by bit from above, column by column. */
static void put_colour(const Indexed *from, uint32_t top, unsigned colour, FILE *f)
{
        const uint32_t rows = MIN(BAND, from->height - top);
        uint32_t length = 0;
        char last = 0;

        (void)fprintf(f, "#%u", colour);
        for (uint32_t x = 0; x < from->width; x++) {
                unsigned bits = 0;
                for (uint32_t y = 0; y < rows; y++)
                        bits |= (unsigned)(from->index[(size_t)(top + y) * from->width + x] == colour) << y;
                const char sixel = (char)('?' + bits);
                if (sixel != last) {
                        put_run(last, length, f);
                        length = 0;
                }
                last = sixel;
                length++;
        }
        if (last != '?') /* nothing more in this row: needs no words */
                put_run(last, length, f);
}

static void put_band(const Indexed *from, uint32_t top, FILE *f)
{
        const size_t first = (size_t)top * from->width, n = (size_t)MIN(BAND, from->height - top) * from->width;
        bool is_here[COLOURS_MAX] = { 0 };
        const char *between = "";

        for (size_t i = 0; i < n; i++)
                is_here[from->index[first + i]] = true;
        for (unsigned colour = 0; colour < COLOURS_MAX; colour++) {
                if (!is_here[colour])
                        continue;
                (void)fputs(between, f);
                put_colour(from, top, colour, f);
                between = "$"; /* back to the band's beginning */
        }
        (void)fputc('-', f);
}

int sixel_encode(const Pixels *pixels, unsigned levels, char **ret, size_t *ret_size)
{
        const size_t n = (size_t)pixels->width * pixels->height;
        _cleanup_(freep) uint8_t *index = calloc(n, 1);
        _cleanup_(freep) char *text = NULL;
        Indexed indexed = { pixels->width, pixels->height, MIN(MAX(levels, SIXEL_LEVELS_MIN), SIXEL_LEVELS_MAX), index, { 0 } };
        size_t size = 0;

        FILE *f = index && dither(pixels, &indexed) >= 0 ? open_memstream(&text, &size) : NULL;
        if (!f)
                return -ENOMEM;
        /* Pixels are square, and what is not drawn stays as it is. */
        (void)fprintf(f, "\033P0;1;0q\"1;1;%u;%u", pixels->width, pixels->height);
        put_palette(&indexed, f);
        for (uint32_t top = 0; top < pixels->height; top += BAND)
                put_band(&indexed, top, f);
        (void)fputs("\033\\", f);
        if (fclose(f) == EOF)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

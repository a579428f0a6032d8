/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a terminal is sent, read back as one reads it, by decoders that share nothing with what wrote it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/terminal/kitty.h"
#include "client/terminal/query.h"
#include "client/terminal/sixel.h"

/* --- sixels --- */

typedef struct Screen {
        uint32_t width, height;
        int *rgb; /* -1: nothing was drawn there */
        int palette[256][3]; /* 0 to 100 */
} Screen;

static uint32_t number(const char **s)
{
        char *end;
        unsigned long value = strtoul(*s, &end, 10);

        assert_ptr_not_equal(*s, end);
        *s = end;
        return (uint32_t)value;
}

static void plot(Screen *screen, uint32_t x, uint32_t top, unsigned bits, const int colour[3])
{
        for (uint32_t i = 0; i < 6; i++) {
                if (!(bits >> i & 1))
                        continue;
                assert_true(x < screen->width && top + i < screen->height);
                int *rgb = screen->rgb + 3 * ((size_t)(top + i) * screen->width + x);
                assert_int_equal(rgb[0], -1); /* one colour for each pixel */
                for (size_t channel = 0; channel < 3; channel++)
                        rgb[channel] = (colour[channel] * 255 + 50) / 100;
        }
}

static const char *read_colour(Screen *screen, const char *s, unsigned *ret)
{
        *ret = number(&s);
        assert_in_range(*ret, 0, 255);
        if (*s != ';')
                return s;
        s++;
        assert_int_equal(number(&s), 2); /* RGB */
        for (size_t channel = 0; channel < 3; channel++) {
                assert_int_equal(*s++, ';');
                screen->palette[*ret][channel] = (int)number(&s);
                assert_in_range(screen->palette[*ret][channel], 0, 100);
        }
        return s;
}

static void draw_sixels(Screen *screen, const char *s)
{
        uint32_t x = 0, top = 0;
        unsigned colour = 0;

        while (*s != '\033') {
                uint32_t times = 1;
                switch (*s++) {
                case '#':
                        s = read_colour(screen, s, &colour);
                        continue;
                case '$':
                        x = 0;
                        continue;
                case '-':
                        x = 0;
                        top += 6;
                        continue;
                case '!':
                        times = number(&s);
                        s++;
                        break;
                default:
                        break;
                }
                assert_in_range(s[-1], '?', '~');
                for (; times > 0; times--)
                        plot(screen, x++, top, (unsigned)(s[-1] - '?'), screen->palette[colour]);
        }
        assert_string_equal(s, "\033\\");
}

static Screen decode_sixels(const char *s)
{
        Screen screen = { 0 };

        assert_memory_equal(s, "\033P0;1;0q\"1;1;", 13);
        s += 13;
        screen.width = number(&s);
        assert_int_equal(*s++, ';');
        screen.height = number(&s);
        const size_t n = 3 * (size_t)screen.width * screen.height;
        screen.rgb = malloc(n * sizeof(int));
        assert_non_null(screen.rgb);
        for (size_t i = 0; i < n; i++)
                screen.rgb[i] = -1;
        draw_sixels(&screen, s);
        for (size_t i = 0; i < n; i++)
                assert_in_range(screen.rgb[i], 0, 255);
        return screen;
}

static Screen show(const Pixels *pixels, unsigned levels)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_int_equal(sixel_encode(pixels, levels, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        Screen screen = decode_sixels(text);
        assert_int_equal(screen.width, pixels->width);
        assert_int_equal(screen.height, pixels->height);
        return screen;
}

/* A gradient each way and a disc, so that there are smooth parts and an edge. */
static Pixels make_pixels(uint32_t width, uint32_t height)
{
        Pixels pixels = { .width = width, .height = height, .rgb = malloc(3 * (size_t)width * height) };

        assert_non_null(pixels.rgb);
        for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++) {
                        uint8_t *rgb = pixels.rgb + 3 * ((size_t)y * width + x);
                        const int u = (int)x - (int)width / 2, v = (int)y - (int)height / 2;
                        rgb[0] = (uint8_t)(x * 255 / width);
                        rgb[1] = (uint8_t)(y * 255 / height);
                        rgb[2] = u * u + v * v < (int)(width * width) / 16 ? 230 : 40;
                }
        return pixels;
}

/* What an eye sees from further away: the mean of a block, whose dots are off by up to half a level. */
static double block_error(const Screen *screen, const Pixels *pixels, uint32_t left, uint32_t top, uint32_t side, size_t channel)
{
        double sum = 0;

        for (uint32_t y = top; y < top + side; y++)
                for (uint32_t x = left; x < left + side; x++) {
                        const size_t at = 3 * ((size_t)y * pixels->width + x) + channel;
                        sum += screen->rgb[at] - pixels->rgb[at];
                }
        sum /= side * side;
        return sum < 0 ? -sum : sum;
}

static void test_sixels_look_alike(void **state)
{
        Pixels pixels = make_pixels(128, 96);

        (void)state;
        for (unsigned levels = SIXEL_LEVELS_MIN; levels <= SIXEL_LEVELS_MAX; levels++) {
                Screen screen = show(&pixels, levels);
                double mean = 0;
                for (uint32_t y = 0; y < 96; y += 16)
                        for (uint32_t x = 0; x < 128; x += 16)
                                for (size_t channel = 0; channel < 3; channel++)
                                        mean += block_error(&screen, &pixels, x, y, 16, channel) / (8 * 6 * 3);
                if (mean > 4)
                        fail_msg("blocks are off by %f with %u levels", mean, levels);
                free(screen.rgb);
        }
        pixels_done(&pixels);
}

/* Colours of the palette stay what they are, to the last pixel, in sizes that are no multiples of six. */
static void test_sixels_are_exact(void **state)
{
        static const uint32_t sizes[][2] = { { 1, 1 }, { 1, 13 }, { 13, 1 }, { 5, 6 }, { 7, 7 }, { 300, 12 }, { 33, 35 } };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                Pixels pixels = make_pixels(sizes[i][0], sizes[i][1]);
                const size_t n = 3 * (size_t)pixels.width * pixels.height;
                for (size_t j = 0; j < n; j++)
                        pixels.rgb[j] = (uint8_t)(j * 2654435761U >> 13 & 1 ? (j / 900 % 6) * 51 : 0);
                Screen screen = show(&pixels, 6);
                for (size_t j = 0; j < n; j++)
                        assert_int_equal(screen.rgb[j], pixels.rgb[j]);
                free(screen.rgb);
                pixels_done(&pixels);
        }
}

static void test_shrinking(void **state)
{
        static uint8_t rgb[] = { 0, 0, 0, 100, 0, 0, 200, 9, 0, 100, 9, 0, 50, 50, 50, 50, 50, 51 };
        const Pixels pixels = { .width = 2, .height = 3, .rgb = rgb };
        Pixels small;

        (void)state;
        assert_int_equal(pixels_shrink(&pixels, 1, 1, &small), 0);
        assert_memory_equal(small.rgb, ((uint8_t[]) { 83, 20, 17 }), 3);
        pixels_done(&small);
        assert_int_equal(pixels_shrink(&pixels, 2, 3, &small), 0);
        assert_memory_equal(small.rgb, rgb, sizeof(rgb));
        pixels_done(&small);
        assert_int_equal(pixels_shrink(&pixels, 1, 3, &small), 0);
        assert_memory_equal(small.rgb, ((uint8_t[]) { 50, 0, 0, 150, 9, 0, 50, 50, 51 }), 9);
        pixels_done(&small);
}

/* --- kitty --- */

static unsigned digit_value(char c)
{
        return c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
                : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 26
                : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : 64;
}

/* Appends what the base64 up to the escape means; returns where it ends. */
static const char *decode_base64(const char *s, uint8_t *to, size_t *size)
{
        const char *start = s;

        for (; *s != '\033'; s += 4) {
                unsigned bits = 0, n = 0;
                for (; n < 4 && s[n] != '='; n++) {
                        assert_in_range(digit_value(s[n]), 0, 63);
                        bits |= digit_value(s[n]) << (18 - 6 * n);
                }
                for (unsigned i = 0; i + 1 < n; i++)
                        to[(*size)++] = (uint8_t)(bits >> (16 - 8 * i));
        }
        assert_in_range(s - start, 1, KITTY_CHUNK);
        return s;
}

static void check_kitty(size_t n)
{
        static const char first[] = "\033_Ga=T,f=100,i=77,p=1,c=12,r=5,C=1,q=2,m=", more[] = "\033_Gq=2,m=";
        _cleanup_(freep) uint8_t *data = malloc(n), *back = malloc(n + 3);
        _cleanup_(freep) char *text = NULL;
        const Picture png = { .data = data, .size = n };
        size_t size = 0, length;

        assert_non_null(data);
        assert_non_null(back);
        for (size_t i = 0; i < n; i++)
                data[i] = (uint8_t)(i * 2654435761U >> 11);
        assert_int_equal(kitty_encode(&png, &(KittyPlace) { 77, 12, 5 }, &text, &length), 0);
        assert_int_equal(strlen(text), length);
        for (const char *s = text; *s;) {
                const char *start = s == text ? first : more;
                assert_memory_equal(s, start, strlen(start));
                s += strlen(start);
                const bool is_last = *s == '0';
                assert_true(is_last || *s == '1');
                assert_int_equal(s[1], ';');
                s = decode_base64(s + 2, back, &size);
                assert_memory_equal(s, "\033\\", 2);
                s += 2;
                assert_int_equal(is_last, !*s);
        }
        assert_int_equal(size, n);
        assert_memory_equal(back, data, n);
}

static void test_kitty(void **state)
{
        static const size_t sizes[] = { 1, 2, 3, 3071, 3072, 3073, 6144, 6145, 100000 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                check_kitty(sizes[i]);
}

/* --- answers --- */

static void test_answers(void **state)
{
        static const struct {
                const char *text;
                bool is_all, has_sixel;
                unsigned colours;
        } cases[] = {
                { "\033[?1;0;256S\033[?63;1;2;4;6;9;15;22c", true, true, 256 }, /* xterm as a VT340 */
                { "\033[?62;4;22c", true, true, 0 },
                { "\033[?62c", true, false, 0 },
                { "\033[?4c", true, false, 0 }, /* a VT132 */
                { "\033[?64;1;2;14;44;41c", true, false, 0 },
                { "typed\033[A\033[?62;4c", true, true, 0 },
                { "\033[?1;3;0S\033[?6c", true, false, 0 }, /* there are no registers */
                { "\033[?99999999999999999999;4c", true, true, 0 },
                { "\033[?1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;4c", true, false, 0 },
                { "\033[?62;4", false, false, 0 },
                { "\033[?", false, false, 0 },
                { "", false, false, 0 },
                { "4c", false, false, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                TerminalAnswer answer = { 0 };
                assert_int_equal(terminal_read_answer(cases[i].text, strlen(cases[i].text), &answer), cases[i].is_all);
                assert_int_equal(answer.has_sixel, cases[i].has_sixel);
                assert_int_equal(answer.colours, cases[i].colours);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sixels_look_alike),
                cmocka_unit_test(test_sixels_are_exact),
                cmocka_unit_test(test_shrinking),
                cmocka_unit_test(test_kitty),
                cmocka_unit_test(test_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

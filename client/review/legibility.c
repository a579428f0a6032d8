/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "base/util.h"
#include "client/review/legibility.h"

/* sRGB (IEC 61966-2-1) to light. */
static double linear(uint8_t value)
{
        const double v = value / 255.0;
        return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* CIE 1976, of the luminance Y. */
static double lightness(const uint8_t rgb[3])
{
        const double y = 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
        return y > 216.0 / 24389 ? 116 * cbrt(y) - 16 : y * 24389 / 27;
}

static double contrast(const Pixels *pixels)
{
        const size_t n = (size_t)pixels->width * pixels->height;
        double sum = 0, squares = 0;

        for (size_t i = 0; i < n; i++)
                sum += lightness(pixels->rgb + 3 * i);
        for (size_t i = 0; i < n; i++) {
                const double difference = lightness(pixels->rgb + 3 * i) - sum / (double)n;
                squares += difference * difference;
        }
        return sqrt(squares / (double)n);
}

int legibility_shrink(const Pixels *pixels, uint32_t side, Pixels *ret)
{
        const uint32_t longer = MAX(pixels->width, pixels->height), target = MIN(longer, side);

        return pixels_shrink(pixels, (uint32_t)MAX((uint64_t)pixels->width * target / longer, 1U),
                             (uint32_t)MAX((uint64_t)pixels->height * target / longer, 1U), ret);
}

int legibility_measure(const Pixels *pixels, Legibility *ret)
{
        static const uint32_t sides[] = { LEGIBILITY_SIDES };
        Legibility measured = { .contrast = contrast(pixels) };

        for (size_t i = 0; i < LEGIBILITY_N; i++) {
                Pixels small = { 0 };
                int r = legibility_shrink(pixels, sides[i], &small);
                if (r < 0)
                        return r;
                measured.small[i] = contrast(&small);
                pixels_done(&small);
        }
        *ret = measured;
        return 0;
}

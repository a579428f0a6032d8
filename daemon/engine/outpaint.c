/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/outpaint.h"

#define FEATHER 4 /* pixels beyond an edge in which the painted goes over into what the edge was stretched to */

typedef uint32_t Sums[4]; /* of each channel, of all pixels of a line before one */

int outpaint_size(const ReadPicture *from, const Request *request, uint32_t *ret_width, uint32_t *ret_height, Error *error)
{
        const uint32_t *sides = request->outpaint;
        const uint32_t w = from->width + sides[SIDE_LEFT] + sides[SIDE_RIGHT];
        const uint32_t h = from->height + sides[SIDE_UP] + sides[SIDE_DOWN];

        if (MIN(w, h) < REQUEST_SIZE_MIN || MAX(w, h) > REQUEST_SIZE_MAX)
                return error_set(error, -EINVAL,
                                 "outpaint: %u x %u pixels, but a side has %d to %d; with a size it is resized", w, h,
                                 REQUEST_SIZE_MIN, REQUEST_SIZE_MAX);
        *ret_width = w;
        *ret_height = h;
        return 0;
}

static void sum_line(const uint8_t *line, ptrdiff_t step, uint32_t n, Sums *ret)
{
        memset(ret[0], 0, sizeof(ret[0]));
        for (uint32_t i = 0; i < n; i++, line += step)
                for (int k = 0; k < 4; k++)
                        ret[i + 1][k] = ret[i][k] + line[k];
}

/* Each pixel the mean of those up to `reach` beside it. */
static void write_line(Sums *sums, uint32_t n, uint32_t reach, uint8_t *line, ptrdiff_t step)
{
        for (uint32_t i = 0; i < n; i++, line += step) {
                const uint32_t low = i - MIN(i, reach), high = MIN(i + reach + 1, n), all = high - low;
                for (int k = 0; k < 4; k++)
                        line[k] = (uint8_t)((sums[high][k] - sums[low][k] + all / 2) / all);
        }
}

/* Stretches an edge of n pixels, `step` bytes apart, outwards: so many lines, `out` bytes apart, each smoother than the last,
 * for streaks would be taken for something. */
static void stretch(uint8_t *edge, ptrdiff_t step, uint32_t n, ptrdiff_t out, uint32_t lines, Sums *sums)
{
        sum_line(edge, step, n, sums);
        for (uint32_t d = 1; d <= lines; d++)
                write_line(sums, n, d / 2, edge + out * (ptrdiff_t)d, step);
}

static void fill(const ReadPicture *from, const uint32_t *sides, ReadPicture *canvas, Sums *sums)
{
        const ptrdiff_t stride = (ptrdiff_t)canvas->width * 4;
        const uint32_t w = from->width, h = from->height;
        uint8_t *top = canvas->rgba + stride * sides[SIDE_UP], *bottom = top + stride * (h - 1),
                *left = top + (size_t)sides[SIDE_LEFT] * 4, *right = left + (size_t)(w - 1) * 4;

        for (uint32_t y = 0; y < h; y++)
                memcpy(left + stride * y, from->rgba + (size_t)y * w * 4, (size_t)w * 4);
        stretch(left, stride, h, -4, sides[SIDE_LEFT], sums);
        stretch(right, stride, h, 4, sides[SIDE_RIGHT], sums);
        stretch(top, 4, canvas->width, -stride, sides[SIDE_UP], sums);
        stretch(bottom, 4, canvas->width, stride, sides[SIDE_DOWN], sums);
}

/* How white the mask is at i along one direction, with n pixels of the picture after `before` new ones. */
static uint8_t whiteness(uint32_t i, uint32_t before, uint32_t n, uint32_t after)
{
        const uint32_t beyond = i < before ? before - i : i < before + n ? 0 : i - before - n + 1;
        const uint32_t feather = MIN((uint32_t)FEATHER, (i < before ? before : after) / 2) + 1;

        return (uint8_t)(255 * MIN(beyond, feather) / feather);
}

static void mark(const ReadPicture *from, const uint32_t *sides, ReadPicture *mask)
{
        for (uint32_t y = 0; y < mask->height; y++) {
                const uint8_t down = whiteness(y, sides[SIDE_UP], from->height, sides[SIDE_DOWN]);
                uint8_t *row = mask->rgba + (size_t)y * mask->width * 4;

                for (uint32_t x = 0; x < mask->width; x++) {
                        const uint8_t across = whiteness(x, sides[SIDE_LEFT], from->width, sides[SIDE_RIGHT]);
                        memset(row + (size_t)x * 4, MAX(down, across), 3);
                        row[(size_t)x * 4 + 3] = 255;
                }
        }
}

int outpaint_grow(const ReadPicture *from, const Request *request, ReadPicture *ret_picture, ReadPicture *ret_mask,
                  Error *error)
{
        const uint32_t *sides = request->outpaint;
        const uint64_t w = (uint64_t)from->width + sides[SIDE_LEFT] + sides[SIDE_RIGHT],
                       h = (uint64_t)from->height + sides[SIDE_UP] + sides[SIDE_DOWN];
        _cleanup_(read_picture_done) ReadPicture picture = {}, mask = {};

        int r = read_picture_allocate(&picture, "outpaint", w, h, error);
        if (r >= 0)
                r = read_picture_allocate(&mask, "outpaint", w, h, error);
        if (r < 0)
                return r;
        _cleanup_(freep) Sums *sums = calloc(MAX(w, h) + 1, sizeof(Sums));
        if (!sums)
                return error_set(error, -ENOMEM, "outpaint: out of memory");

        fill(from, sides, &picture, sums);
        mark(from, sides, &mask);
        *ret_picture = picture;
        *ret_mask = mask;
        picture = mask = (ReadPicture) {};
        return 0;
}

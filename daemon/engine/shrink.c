/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/io.h"
#include "base/util.h"
#include "engine/image/jpeg.h"
#include "engine/image/png.h"
#include "engine/image/read.h"
#include "engine/image/resize.h"
#include "engine/shrink.h"
#include "workers/sandbox.h"

#define QUALITY 88

static int read_input(uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *data = malloc((size_t)READ_BYTES_MAX + 1);
        size_t size = 0;

        if (!data)
                return -ENOMEM;
        for (ssize_t n; size <= READ_BYTES_MAX; size += (size_t)n) {
                n = read(STDIN_FILENO, data + size, (size_t)READ_BYTES_MAX + 1 - size);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
        }
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* [h][w][3] on white, 0 to 255. */
static float *flatten(const ReadPicture *from)
{
        const size_t n = (size_t)from->width * from->height;
        float *rgb = malloc(n * 3 * sizeof(float));

        for (size_t i = 0; rgb && i < n; i++) {
                const uint8_t *pixel = from->rgba + 4 * i;
                const float alpha = (float)pixel[3] / 255;
                for (size_t c = 0; c < 3; c++)
                        rgb[3 * i + c] = (float)pixel[c] * alpha + 255 * (1 - alpha);
        }
        return rgb;
}

static int shrink(const ReadPicture *from, uint32_t side, Picture *ret)
{
        const uint32_t longest = MAX(from->width, from->height);
        const double scale = longest > side ? (double)side / longest : 1;
        const uint32_t width = MAX((uint32_t)lround(from->width * scale), 1U), height = MAX((uint32_t)lround(from->height * scale), 1U);
        _cleanup_(freep) float *all = flatten(from), *small = NULL;
        const size_t n = (size_t)width * height * 3;

        int r = all ? resize(all, from->width, from->height, 3, width, height, &small) : -ENOMEM;
        if (r < 0)
                return r;
        *ret = (Picture) { .width = width, .height = height, .rgb = malloc(n) };
        for (size_t i = 0; ret->rgb && i < n; i++)
                ret->rgb[i] = (uint8_t)lroundf(fminf(fmaxf(small[i], 0), 255));
        return ret->rgb ? 0 : -ENOMEM;
}

int shrink_run(uint32_t side, bool is_lossless, Error *error)
{
        _cleanup_(read_picture_done) ReadPicture picture = {};
        _cleanup_(picture_done) Picture small = {};
        _cleanup_(freep) uint8_t *data = NULL;
        _cleanup_(freep) void *written = NULL;
        size_t size = 0;

        int r = sandbox_enter_to_decode(error);
        if (r < 0)
                return r;
        r = read_input(&data, &size);
        if (r < 0)
                return error_set(error, r, "The picture cannot be read: %s", strerror(-r));
        r = read_picture(&picture, "picture", data, size, error);
        if (r < 0)
                return r;
        r = shrink(&picture, side, &small);
        if (r < 0)
                return error_set(error, r, "Out of memory");
        r = is_lossless ? picture_to_png(&small, &(PictureTexts) {}, &written, &size, error)
                        : picture_to_jpeg(&small, &(PictureTexts) {}, QUALITY, &written, &size, error);
        if (r < 0)
                return r;
        r = write_all(STDOUT_FILENO, written, size);
        return r < 0 ? error_set(error, r, "The picture cannot be written: %s", strerror(-r)) : 0;
}

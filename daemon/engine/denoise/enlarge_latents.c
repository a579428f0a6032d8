/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "engine/denoise/enlarge_latents.h"

/* Two neighbours, and how much of the second there is. */
typedef struct Between {
        uint32_t first, second;
        float share;
} Between;

static uint32_t on_side(int64_t at, uint32_t n, bool wrap)
{
        if (wrap)
                return (uint32_t)((at + n) % n);
        return at < 0 ? 0 : at >= n ? n - 1 : (uint32_t)at;
}

static Between between(uint32_t i, uint32_t n, uint32_t new_n, bool wrap)
{
        const double at = (i + 0.5) * n / new_n - 0.5, below = floor(at);

        return (Between) { on_side((int64_t)below, n, wrap), on_side((int64_t)below + 1, n, wrap), (float)(at - below) };
}

int enlarge_latents(const float *latents, uint32_t c, uint32_t h, uint32_t w, uint32_t new_h, uint32_t new_w, bool wrap_x,
                    bool wrap_y, float **ret)
{
        float *out = calloc((size_t)c * new_h * new_w, sizeof(float));
        if (!out)
                return -ENOMEM;

        for (uint32_t y = 0; y < new_h; y++) {
                const Between rows = between(y, h, new_h, wrap_y);
                for (uint32_t x = 0; x < new_w; x++) {
                        const Between columns = between(x, w, new_w, wrap_x);
                        for (uint32_t k = 0; k < c; k++) {
                                const float *first = latents + ((size_t)k * h + rows.first) * w,
                                            *second = latents + ((size_t)k * h + rows.second) * w;
                                const float a = first[columns.first] + columns.share * (first[columns.second] - first[columns.first]),
                                            b = second[columns.first] +
                                                columns.share * (second[columns.second] - second[columns.first]);
                                out[((size_t)k * new_h + y) * new_w + x] = a + rows.share * (b - a);
                        }
                }
        }
        *ret = out;
        return 0;
}

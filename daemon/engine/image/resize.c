/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/image/resize.h"

/* One line of n vectors, `stride` apart, to one of new_n, which also are `new_stride` apart. */
static void resize_line(const float *from, uint32_t n, size_t stride, float *to, uint32_t new_n, size_t new_stride,
                        uint32_t c)
{
        const double scale = (double)n / new_n, reach = MAX(scale, 1.0);

        for (uint32_t i = 0; i < new_n; i++) {
                const double centre = (i + 0.5) * scale;
                const int64_t first = MAX((int64_t)ceil(centre - reach - 0.5), 0),
                              last = MIN((int64_t)floor(centre + reach - 0.5), (int64_t)n - 1);
                float *out = to + i * new_stride;
                double sum = 0;

                for (uint32_t k = 0; k < c; k++)
                        out[k] = 0;
                for (int64_t j = first; j <= last; j++) {
                        double weight = 1 - fabs((double)j + 0.5 - centre) / reach;
                        sum += weight;
                        for (uint32_t k = 0; k < c; k++)
                                out[k] += (float)weight * from[(size_t)j * stride + k];
                }
                for (uint32_t k = 0; k < c; k++)
                        out[k] /= (float)sum;
        }
}

int resize(const float *from, uint32_t w, uint32_t h, uint32_t c, uint32_t new_w, uint32_t new_h, float **ret)
{
        _cleanup_(freep) float *wide = calloc((size_t)h * new_w, c * sizeof(float)),
                               *out = calloc((size_t)new_h * new_w, c * sizeof(float));
        if (!wide || !out)
                return -ENOMEM;

        for (uint32_t y = 0; y < h; y++)
                resize_line(from + (size_t)y * w * c, w, c, wide + (size_t)y * new_w * c, new_w, c, c);
        for (uint32_t x = 0; x < new_w; x++)
                resize_line(wide + (size_t)x * c, h, (size_t)new_w * c, out + (size_t)x * c, new_h,
                            (size_t)new_w * c, c);
        *ret = TAKE_PTR(out);
        return 0;
}

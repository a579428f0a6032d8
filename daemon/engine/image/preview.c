/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/util.h"
#include "engine/image/preview.h"

static float average(const float *latents, uint32_t stride, uint32_t h, uint32_t w)
{
        double sum = 0;

        for (uint32_t y = 0; y < h; y++)
                for (uint32_t x = 0; x < w; x++)
                        sum += (double)latents[(size_t)y * stride + x];
        return (float)(sum / ((double)h * w));
}

float *preview_shrink(const float *latents, uint32_t channels, uint32_t h, uint32_t w, uint32_t factor,
                      uint32_t *ret_h, uint32_t *ret_w)
{
        const uint32_t side_max = MAX(PREVIEW_SIDE_MAX / factor, 1U);
        const uint32_t block = (MAX(h, w) + side_max - 1) / side_max;
        /* A block that sticks out is cut off, unless it is the only one. */
        const uint32_t small_h = MAX(h / block, 1U), small_w = MAX(w / block, 1U);

        float *small = calloc((size_t)channels * small_h * small_w, sizeof(float));
        for (uint32_t c = 0; small && c < channels; c++)
                for (uint32_t y = 0; y < small_h; y++)
                        for (uint32_t x = 0; x < small_w; x++)
                                small[((size_t)c * small_h + y) * small_w + x] =
                                                average(latents + ((size_t)c * h + (size_t)y * block) * w +
                                                                        (size_t)x * block,
                                                        w, MIN(block, h), MIN(block, w));
        *ret_h = small_h;
        *ret_w = small_w;
        return small;
}

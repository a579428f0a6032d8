/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "base/util.h"
#include "engine/image/touches/luma.h"
#include "engine/image/touches/separable.h"
#include "engine/image/touches/sharpen.h"

#define AMOUNT 3.0 /* of what the blur took away, at full strength */
#define NOISE (1.5F / 255) /* what is not made stronger */
#define HALO 0.05F /* beyond the neighbours, in parts of how far they lie apart */
#define SIGMA_SIDE 512.0 /* the blur is one pixel wide for a picture of this size, and grows with it */

typedef struct Sharpening {
        const Tensor *picture, *luma, *blurred;
        float amount;
} Sharpening;

/* The darkest and the brightest of the three by three. */
static void find_range(const Tensor *luma, size_t y, size_t x, float *ret_low, float *ret_high)
{
        const size_t top = y > 0 ? y - 1 : 0, bottom = MIN(y + 1, (size_t)luma->h - 1);
        const size_t left = x > 0 ? x - 1 : 0, right = MIN(x + 1, (size_t)luma->w - 1);
        float low = luma->data[y * luma->w + x], high = low;

        for (size_t j = top; j <= bottom; j++)
                for (size_t i = left; i <= right; i++) {
                        float value = luma->data[j * luma->w + i];
                        low = MIN(low, value);
                        high = MAX(high, value);
                }
        *ret_low = low;
        *ret_high = high;
}

static void sharpen_row(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Sharpening *s = job;
        const size_t width = s->picture->w;

        for (size_t x = 0; x < width; x++) {
                const size_t i = y * width + x;
                const float luma = s->luma->data[i], detail = luma - s->blurred->data[i];
                const float strong = fmaxf(fabsf(detail) - NOISE, 0);
                float low, high;

                find_range(s->luma, y, x, &low, &high);
                const float margin = HALO * (high - low);
                const float wanted = luma + copysignf(s->amount * strong, detail);
                const float added = fminf(fmaxf(wanted, low - margin), high + margin) - luma;
                for (size_t c = 0; c < 3; c++)
                        s->picture->data[3 * i + c] += added;
        }
}

int sharpen(Compute *compute, const Tensor *picture, double strength)
{
        if (strength <= 0)
                return 0;

        ArenaMark mark = arena_mark(compute->arena);
        Tensor luma = luma_plane(compute, picture), blurred = compute_tensor(compute, 1, picture->h, picture->w, 1);
        const Sharpening job = {
                .picture = picture, .luma = &luma, .blurred = &blurred, .amount = (float)(AMOUNT * strength)
        };

        if (compute->error == 0) {
                gaussian_blur(compute, &luma, MAX(sqrt((double)picture->h * picture->w) / SIGMA_SIDE, 1.0),
                              &blurred);
                compute_tiles(compute, picture->h, 0, sharpen_row, &job);
        }
        arena_release(compute->arena, mark);
        return compute_finish(compute);
}

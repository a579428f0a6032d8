/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/image/touches/enlarge.h"

#define LOBES 3
#define TAPS (2 * LOBES)

/* A whole factor repeats the same few positions between two pixels: for each, where its taps begin, relative
 * to the pixel that it lies in, and their weights. */
typedef struct Phase {
        int first;
        float weights[TAPS];
} Phase;

typedef struct Pass {
        const Tensor *from;
        Tensor *to;
        uint32_t factor;
        Phase phases[ENLARGE_MAX];
} Pass;

static double lanczos(double x)
{
        if (fabs(x) < 1e-9)
                return 1;
        return fabs(x) >= LOBES ? 0 : LOBES * sin(M_PI * x) * sin(M_PI * x / LOBES) / (M_PI * M_PI * x * x);
}

static Phase phase_at(uint32_t i, uint32_t factor)
{
        double center = (i + 0.5) / factor - 0.5; /* relative to the middle of the pixel */
        Phase phase = { .first = (int)floor(center) - LOBES + 1 };
        double weights[TAPS], sum = 0;

        for (int k = 0; k < TAPS; k++)
                sum += weights[k] = lanczos(center - (phase.first + k));
        for (int k = 0; k < TAPS; k++)
                phase.weights[k] = (float)(weights[k] / sum);
        return phase;
}

static size_t clamp(int64_t i, uint32_t n)
{
        return (size_t)MIN(MAX(i, 0), (int64_t)n - 1);
}

/* Both passes write one row of the result as a tile. */
static void widen_row(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Pass *pass = job;
        const size_t channels = pass->from->c;
        const float *row = pass->from->data + y * pass->from->w * channels;
        float *out = pass->to->data + y * pass->to->w * channels;

        for (uint32_t x = 0; x < pass->to->w; x++) {
                const Phase *phase = &pass->phases[x % pass->factor];
                int64_t first = (int64_t)(x / pass->factor) + phase->first;

                for (size_t c = 0; c < channels; c++) {
                        float sum = 0;
                        for (int k = 0; k < TAPS; k++)
                                sum += phase->weights[k] *
                                       row[clamp(first + k, pass->from->w) * channels + c];
                        out[x * channels + c] = sum;
                }
        }
}

static void heighten_row(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Pass *pass = job;
        const size_t length = (size_t)pass->from->w * pass->from->c;
        const Phase *phase = &pass->phases[y % pass->factor];
        int64_t first = (int64_t)(y / pass->factor) + phase->first;
        float *out = pass->to->data + y * length;

        for (size_t x = 0; x < length; x++)
                out[x] = 0;
        for (int k = 0; k < TAPS; k++) {
                const float *row = pass->from->data + clamp(first + k, pass->from->h) * length;
                for (size_t x = 0; x < length; x++)
                        out[x] += phase->weights[k] * row[x];
        }
}

int enlarge(Compute *compute, const Tensor *picture, uint32_t factor, Tensor *ret)
{
        if (factor < 1 || factor > ENLARGE_MAX || picture->n != 1)
                return -EINVAL;

        Tensor large = compute_tensor(compute, 1, picture->h * factor, picture->w * factor, picture->c);
        ArenaMark mark = arena_mark(compute->arena);
        Tensor wide = compute_tensor(compute, 1, picture->h, picture->w * factor, picture->c);
        Pass widen = { .from = picture, .to = &wide, .factor = factor };
        Pass heighten = { .from = &wide, .to = &large, .factor = factor };

        for (uint32_t i = 0; i < factor; i++)
                widen.phases[i] = heighten.phases[i] = phase_at(i, factor);
        compute_tiles(compute, wide.h, 0, widen_row, &widen);
        compute_tiles(compute, large.h, 0, heighten_row, &heighten);
        arena_release(compute->arena, mark);

        *ret = large;
        return compute_finish(compute);
}

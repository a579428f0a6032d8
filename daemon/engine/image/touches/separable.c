/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/image/touches/separable.h"

#define GAUSSIAN_REACH 3

typedef struct Pass {
        const Tensor *from, *to;
        const Mix *mix;
} Pass;

void mix_done(Mix *mix)
{
        free(mix->weights);
        free(mix->pixels);
        *mix = (Mix) {};
}

static void mix_position(const Mix *mix, const MixPlan *plan, uint32_t i)
{
        const double center = plan->begin + (i + 0.5) * plan->ratio - 0.5;
        const int64_t first = (int64_t)floor(center - plan->reach * plan->stretch) + 1;
        float *weights = mix->weights + (size_t)i * mix->taps;
        uint32_t *pixels = mix->pixels + (size_t)i * mix->taps;
        double sum = 0;

        for (uint32_t k = 0; k < mix->taps; k++)
                sum += plan->kernel(((double)(first + k) - center) / plan->stretch);
        for (uint32_t k = 0; k < mix->taps; k++) {
                weights[k] = (float)(plan->kernel(((double)(first + k) - center) / plan->stretch) / sum);
                pixels[k] = (uint32_t)MIN(MAX(first + k, 0), (int64_t)plan->input - 1);
        }
}

int mix_new(Mix *ret, const MixPlan *plan)
{
        Mix mix = { .taps = (uint32_t)ceil(2 * plan->reach * plan->stretch) };

        mix.weights = calloc((size_t)plan->output * mix.taps, sizeof *mix.weights);
        mix.pixels = calloc((size_t)plan->output * mix.taps, sizeof *mix.pixels);
        if (!mix.weights || !mix.pixels) {
                mix_done(&mix);
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < plan->output; i++)
                mix_position(&mix, plan, i);
        *ret = mix;
        return 0;
}

/* Both passes write one row of the result as a tile. */
static void mix_columns(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Pass *pass = job;
        const size_t channels = pass->from->c, taps = pass->mix->taps;
        const float *row = pass->from->data + y * pass->from->w * channels;
        float *out = pass->to->data + y * pass->to->w * channels;

        for (size_t x = 0; x < pass->to->w; x++)
                for (size_t c = 0; c < channels; c++) {
                        float sum = 0;
                        for (size_t k = x * taps; k < (x + 1) * taps; k++)
                                sum += pass->mix->weights[k] * row[pass->mix->pixels[k] * channels + c];
                        out[x * channels + c] = sum;
                }
}

static void mix_rows(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Pass *pass = job;
        const size_t length = (size_t)pass->from->w * pass->from->c, taps = pass->mix->taps;
        float *out = pass->to->data + y * length;

        for (size_t x = 0; x < length; x++)
                out[x] = 0;
        for (size_t k = y * taps; k < (y + 1) * taps; k++) {
                const float weight = pass->mix->weights[k];
                const float *row = pass->from->data + pass->mix->pixels[k] * length;
                for (size_t x = 0; x < length; x++)
                        out[x] += weight * row[x];
        }
}

void separable_filter(Compute *compute, const Tensor *from, const Mix *columns, const Mix *rows, const Tensor *to)
{
        ArenaMark mark = arena_mark(compute->arena);
        Tensor wide = compute_tensor(compute, 1, from->h, to->w, from->c);
        const Pass first = { .from = from, .to = &wide, .mix = columns },
                   second = { .from = &wide, .to = to, .mix = rows };

        compute_tiles(compute, wide.h, 0, mix_columns, &first);
        compute_tiles(compute, to->h, 0, mix_rows, &second);
        arena_release(compute->arena, mark);
}

static double gaussian(double x)
{
        return fabs(x) < GAUSSIAN_REACH ? exp(-x * x / 2) : 0;
}

void gaussian_blur(Compute *compute, const Tensor *from, double sigma, const Tensor *to)
{
        MixPlan plan = { .kernel = gaussian, .reach = GAUSSIAN_REACH, .stretch = sigma, .ratio = 1 };
        Mix columns = {}, rows = {};

        plan.input = plan.output = from->w;
        int r = mix_new(&columns, &plan);
        plan.input = plan.output = from->h;
        if (r >= 0)
                r = mix_new(&rows, &plan);
        if (r >= 0)
                separable_filter(compute, from, &columns, &rows, to);
        else if (compute->error == 0)
                compute->error = r;
        mix_done(&columns);
        mix_done(&rows);
}

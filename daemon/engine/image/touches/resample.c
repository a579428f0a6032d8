/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/image/touches/resample.h"
#include "engine/image/touches/separable.h"

#define LOBES 3

static double lanczos(double x)
{
        if (fabs(x) < 1e-9)
                return 1;
        return fabs(x) >= LOBES ? 0 : LOBES * sin(M_PI * x) * sin(M_PI * x / LOBES) / (M_PI * M_PI * x * x);
}

static int mix_side(Mix *ret, double begin, double length, uint32_t input, uint32_t output)
{
        const double ratio = length / output;

        return mix_new(ret, &(MixPlan) {
                                            .kernel = lanczos,
                                            .reach = LOBES,
                                            .stretch = MAX(ratio, 1.0),
                                            .begin = begin,
                                            .ratio = ratio,
                                            .input = input,
                                            .output = output,
                            });
}

int resample(Compute *compute, const Tensor *picture, const Area *area, uint32_t width, uint32_t height,
             Tensor *ret)
{
        if (width == 0 || height == 0 || tensor_rows(picture) == 0 || picture->n != 1 || !(area->width > 0) ||
            !(area->height > 0))
                return -EINVAL;

        Tensor changed = compute_tensor(compute, 1, height, width, picture->c);
        Mix columns = {}, rows = {};
        int r = mix_side(&columns, area->x, area->width, picture->w, width);
        if (r >= 0)
                r = mix_side(&rows, area->y, area->height, picture->h, height);
        if (r >= 0)
                separable_filter(compute, picture, &columns, &rows, &changed);
        mix_done(&columns);
        mix_done(&rows);

        int finished = compute_finish(compute);
        if (r < 0 || finished < 0)
                return r < 0 ? r : finished;
        *ret = changed;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DPM-Solver-2 (Lu et al. 2022, "DPM-Solver: a fast ODE solver") as Karras et al. 2022 would write it; k-diffusion's
 * sample_dpm_2: the slope half-way in log sigma takes the whole step. */

#include <math.h>
#include <string.h>

#include "engine/denoise/samplers.h"

static double middle(const Sampling *s, double sigma, double next)
{
        (void)s;
        return sqrt(sigma * next);
}

static int expand(Sampling *s, const Schedule *schedule)
{
        return expand_in_two(s, schedule, middle);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction, (void)noise;
        const bool second = is_second_half(i);
        const double sigma = noise_level_sigma(s->evaluations[i].from);
        const double from = step_sigma(s, i), to = noise_level_sigma(s->evaluations[i].to);
        const float stride = (float)(to - from);

        if (!second)
                memcpy(s->kept[0], latents, s->n * sizeof(float));
        for (size_t k = 0; k < s->n; k++)
                latents[k] = s->kept[0][k] + (latents[k] - s->x0[k]) / (float)sigma * stride;
}

const SamplerType sampler_dpm2 = {
        .label = "DPM2",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .drops_penultimate = true,
        .n_kept = 1,
        .plan = plan_euler,
        .expand = expand,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DPM-Solver-2 to a lower noise level than wanted, then fresh noise up to it; k-diffusion's sample_dpm_2_ancestral. */

#include <math.h>
#include <string.h>

#include "engine/denoise/samplers.h"

static double middle(const Sampling *s, double sigma, double next)
{
        double up;
        return sqrt(sigma * ancestral_step(sigma, next, s->eta, &up));
}

static int expand(Sampling *s, const Schedule *schedule)
{
        return expand_in_two(s, schedule, middle);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        const bool second = is_second_half(i);
        const double sigma = noise_level_sigma(s->evaluations[i].from), from = step_sigma(s, i);
        double to = noise_level_sigma(s->evaluations[i].to), up = 0;

        if (!second)
                memcpy(s->kept[0], latents, s->n * sizeof(float));
        else
                to = ancestral_step(from, to, s->eta, &up);
        for (size_t k = 0; k < s->n; k++)
                latents[k] = s->kept[0][k] + (latents[k] - s->x0[k]) / (float)sigma * (float)(to - from);
        if (second)
                add_noise(s, latents, up, noise);
}

const SamplerType sampler_dpm2_ancestral = {
        .label = "DPM2 a",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .drops_penultimate = true,
        .n_kept = 1,
        .eta = 1,
        .plan = plan_euler,
        .expand = expand,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Karras et al. 2022, "Elucidating the design space of diffusion-based generative models", algorithm 2
 * without churn and without the second-order correction. */

#include <errno.h>
#include <math.h>

#include "engine/denoise/samplers.h"

int euler_plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double)),
                                *sigmas = calloc(s->steps, sizeof(double));
        if (!timesteps || !sigmas)
                return -ENOMEM;

        schedule_space(schedule, spacing, false, false, s->steps, timesteps);
        double high = schedule_sigma(schedule, timesteps[0]),
               low = schedule_sigma(schedule, timesteps[s->steps - 1]);
        if (s->type->karras) {
                karras_sigmas(high, low, s->steps, sigmas);
                for (uint32_t i = 0; i < s->steps; i++)
                        timesteps[i] = schedule_timestep(schedule, sigmas[i]);
        }
        s->start_scale = spacing == SPACING_LEADING ? sqrt(high * high + 1) : high;
        return sampling_plan_sigmas(s, schedule, timesteps, s->type->karras ? sigmas : NULL);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        (void)noise;
        double sigma = noise_level_sigma(s->evaluations[i].from),
               next = noise_level_sigma(s->evaluations[i].to);
        float stride = (float)(next - sigma), from = (float)sigma;

        for (size_t k = 0; k < s->n; k++)
                latents[k] += (latents[k] - s->x0[k]) / from * stride;
}

const SamplerType sampler_euler = {
        .label = "Euler",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .plan = euler_plan,
        .step = step,
};

const SamplerType sampler_euler_karras = {
        .label = "Euler Karras",
        .spacing = SPACING_LINSPACE,
        .karras = true,
        .variance_exploding = true,
        .plan = euler_plan,
        .step = step,
};

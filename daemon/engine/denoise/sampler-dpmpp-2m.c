/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
 * algorithm 2 (multistep, second order, midpoint), with lambda = log(signal / noise). */

#include <errno.h>
#include <math.h>

#include "engine/denoise/samplers.h"

static int plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double)),
                                *sigmas = calloc(s->steps, sizeof(double));
        if (!timesteps || !sigmas)
                return -ENOMEM;

        schedule_space(schedule, spacing, true, true, s->steps, timesteps);
        if (s->type->karras) {
                /* From end to end of the training's noise, whatever the spacing. */
                double high = schedule_sigma(schedule, schedule->train_timesteps - 1.0),
                       low = schedule_sigma(schedule, 0);
                karras_sigmas(high, low, s->steps, sigmas);
                for (uint32_t i = 0; i < s->steps; i++)
                        timesteps[i] = rint(schedule_timestep(schedule, sigmas[i]));
        }
        return sampling_plan_sigmas(s, schedule, timesteps, s->type->karras ? sigmas : NULL);
}

static double lambda(NoiseLevel level)
{
        return log(level.signal) - log(level.noise); /* infinite at the end */
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        (void)noise;
        NoiseLevel from = s->evaluations[i].from, to = s->evaluations[i].to;
        double h = lambda(to) - lambda(from);
        double keep = to.noise / from.noise, gain = -to.signal * expm1(-h);

        /* The first step has no step before it, and the last one, whose h is infinite, is exact in first
         * order. */
        double extrapolate = 0;
        if (i > 0 && i + 1 < s->n_evaluations) {
                double h_last = lambda(from) - lambda(s->evaluations[i - 1].from);
                extrapolate = h_last > 0 ? 0.5 * h / h_last
                                         : 0; /* rounding may leave two steps at one timestep */
        }

        float a = (float)keep, b = (float)gain, c = (float)(gain * extrapolate);
        for (size_t k = 0; k < s->n; k++)
                latents[k] = a * latents[k] + b * s->x0[k] + c * (s->x0[k] - s->x0_last[k]);
}

const SamplerType sampler_dpmpp_2m = {
        .label = "DPM++ 2M",
        .spacing = SPACING_LINSPACE,
        .plan = plan,
        .step = step,
};

const SamplerType sampler_dpmpp_2m_karras = {
        .label = "DPM++ 2M Karras",
        .spacing = SPACING_LINSPACE,
        .karras = true,
        .plan = plan,
        .step = step,
};

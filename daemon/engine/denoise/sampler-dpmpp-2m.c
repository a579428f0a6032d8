/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
 * algorithm 2 (multistep, second order, midpoint), with lambda = log(signal / noise). */

#include <math.h>

#include "engine/denoise/samplers.h"

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        (void)noise;
        NoiseLevel from = s->evaluations[i].from, to = s->evaluations[i].to;
        double h = noise_level_lambda(to) - noise_level_lambda(from);
        double keep = to.noise / from.noise, gain = -to.signal * expm1(-h);

        /* The first step has no step before it, and the last one, whose h is infinite, is exact in first
         * order. */
        double extrapolate = 0;
        if (i > 0 && i + 1 < s->n_evaluations) {
                double h_last = noise_level_lambda(from) - noise_level_lambda(s->evaluations[i - 1].from);
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
        .plan = plan_dpm,
        .step = step,
};

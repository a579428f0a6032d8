/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DPM-Solver++(2M) as a stochastic differential equation (Lu et al. 2022, appendix; midpoint); k-diffusion's
 * sample_dpmpp_2m_sde, and with eta = 1 diffusers' sde-dpmsolver++. One draw a step: the increments of a Brownian motion
 * over steps that do not overlap are independent. */

#include <math.h>

#include "engine/denoise/samplers.h"

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        NoiseLevel from = s->evaluations[i].from, to = s->evaluations[i].to;
        double h = noise_level_lambda(to) - noise_level_lambda(from); /* infinite at the end */
        double reverse = isfinite(h) ? s->eta * h : 0;
        double keep = to.noise / from.noise * exp(-reverse), gain = -to.signal * expm1(-h - reverse);

        double extrapolate = 0;
        if (i > 0 && i + 1 < s->n_evaluations) {
                double h_last = noise_level_lambda(from) - noise_level_lambda(s->evaluations[i - 1].from);
                extrapolate = h_last > 0 ? 0.5 * h / h_last : 0;
        }

        float a = (float)keep, b = (float)gain, c = (float)(gain * extrapolate);
        for (size_t k = 0; k < s->n; k++)
                latents[k] = a * latents[k] + b * s->x0[k] + c * (s->x0[k] - s->x0_last[k]);
        /* The picture of the step before is of use no more. */
        add_noise(s, latents, to.noise * sqrt(-expm1(-2 * reverse)), noise);
}

const SamplerType sampler_dpmpp_2m_sde = {
        .label = "DPM++ 2M SDE",
        .spacing = SPACING_LINSPACE,
        .eta = 1,
        .plan = plan_dpm,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Karras et al. 2022, "Elucidating the design space of diffusion-based generative models", algorithm 2
 * without churn and without the second-order correction. */

#include "engine/denoise/samplers.h"

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
        .plan = plan_euler,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Euler's step to a lower noise level than wanted, then fresh noise up to it: the variance that DDPM's
 * ancestral sampling has (Song et al. 2021, "Score-based generative modeling", in terms of sigma; Crowson's
 * k-diffusion). */

#include <math.h>

#include "engine/denoise/samplers.h"

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        double sigma = noise_level_sigma(s->evaluations[i].from),
               next = noise_level_sigma(s->evaluations[i].to);
        double up = sqrt(next * next * (sigma * sigma - next * next) / (sigma * sigma));
        double down = sqrt(next * next - up * up);
        float stride = (float)(down - sigma), from = (float)sigma;

        for (size_t k = 0; k < s->n; k++)
                latents[k] += (latents[k] - s->x0[k]) / from * stride;

        /* x0 of the evaluation before is of no more use: it holds the noise. All of it is one draw, also
         * when none is added. */
        noise_normals(noise, s->x0_last, s->n);
        for (size_t k = 0; k < s->n; k++)
                latents[k] += s->x0_last[k] * (float)up;
}

const SamplerType sampler_euler_ancestral = {
        .label = "Euler a",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .plan = euler_plan,
        .step = step,
};

const SamplerType sampler_euler_ancestral_karras = {
        .label = "Euler a Karras",
        .spacing = SPACING_LINSPACE,
        .karras = true,
        .variance_exploding = true,
        .plan = euler_plan,
        .step = step,
};

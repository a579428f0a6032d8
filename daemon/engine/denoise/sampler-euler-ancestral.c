/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Euler's step to a lower noise level than wanted, then fresh noise up to it: the variance that DDPM's
 * ancestral sampling has (Song et al. 2021, "Score-based generative modeling", in terms of sigma; Crowson's
 * k-diffusion). */

#include "engine/denoise/samplers.h"

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        double sigma = noise_level_sigma(s->evaluations[i].from), up;
        double down = ancestral_step(sigma, noise_level_sigma(s->evaluations[i].to), s->eta, &up);
        float stride = (float)(down - sigma), from = (float)sigma;

        for (size_t k = 0; k < s->n; k++)
                latents[k] += (latents[k] - s->x0[k]) / from * stride;
        add_noise(s, latents, up, noise);
}

const SamplerType sampler_euler_ancestral = {
        .label = "Euler a",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .eta = 1,
        .plan = plan_euler,
        .step = step,
};

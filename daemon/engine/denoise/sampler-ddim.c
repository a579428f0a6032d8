/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Song, Meng, Ermon 2021, "Denoising diffusion implicit models", eq. 12, 16; and Ho et al. 2020, "Denoising diffusion
 * probabilistic models", which is eta = 1 with the picture itself at the end. */

#include <math.h>

#include "engine/denoise/samplers.h"

static int plan_as_ddim(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        return plan_ddim(s, schedule, spacing,
                         schedule->config->set_alpha_to_one ? 1 : (double)schedule->alphas_cumprod[0]);
}

static int plan_as_ddpm(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        return plan_ddim(s, schedule, spacing, 1);
}

/* The deviation of the noise that is added (eq. 16). */
static double deviation(const Sampling *s, NoiseLevel from, NoiseLevel to)
{
        double kept = from.signal / to.signal;
        return s->eta * to.noise / from.noise * sqrt(fmax(1 - kept * kept, 0));
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        Factors f = sampling_noise_factors(s, i);
        NoiseLevel from = s->evaluations[i].from, to = s->evaluations[i].to;
        double added = deviation(s, from, to);
        float signal = (float)to.signal, remaining = (float)sqrt(fmax(to.noise * to.noise - added * added, 0));

        for (size_t k = 0; k < s->n; k++) {
                float eps = f.latents * latents[k] + f.prediction * prediction[k];
                latents[k] = signal * s->x0[k] + remaining * eps;
        }
        if (s->eta > 0)
                add_noise(s, latents, added, noise);
}

const SamplerType sampler_ddim = {
        .label = "DDIM",
        .spacing = SPACING_LEADING,
        .clips = true,
        .plan = plan_as_ddim,
        .step = step,
};

const SamplerType sampler_ddpm = {
        .label = "DDPM",
        .spacing = SPACING_LEADING,
        .clips = true,
        .eta = 1,
        .plan = plan_as_ddpm,
        .step = step,
};

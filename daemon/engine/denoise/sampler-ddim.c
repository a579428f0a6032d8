/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Song, Meng, Ermon 2021, "Denoising diffusion implicit models", eq. 12 with eta = 0. */

#include <errno.h>

#include "engine/denoise/samplers.h"

static int plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double));
        if (!timesteps)
                return -ENOMEM;
        schedule_space(schedule, spacing, false, true, s->steps, timesteps);

        uint32_t stride = schedule->train_timesteps / s->steps;
        double final = schedule->config->set_alpha_to_one ? 1 : (double)schedule->alphas_cumprod[0];
        for (uint32_t i = 0; i < s->steps; i++) {
                uint32_t t = (uint32_t)timesteps[i];
                /* Nothing is left of the picture at zero SNR, which only a noise prediction needs to divide
                 * by. */
                double from = schedule->config->prediction == PREDICTION_EPSILON
                                              ? schedule_alpha(schedule, t)
                                              : (double)schedule->alphas_cumprod[t];
                s->evaluations[i] = (Evaluation) {
                        .timestep = (float)t,
                        .from = noise_level_from_alpha(from),
                        .to = noise_level_from_alpha(
                                        t >= stride ? (double)schedule->alphas_cumprod[t - stride] : final),
                };
        }
        return 0;
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)noise;
        Factors f = sampling_noise_factors(s, i);
        float signal = (float)s->evaluations[i].to.signal, remaining = (float)s->evaluations[i].to.noise;

        for (size_t k = 0; k < s->n; k++) {
                float eps = f.latents * latents[k] + f.prediction * prediction[k];
                latents[k] = signal * s->x0[k] + remaining * eps;
        }
}

const SamplerType sampler_ddim = {
        .label = "DDIM",
        .spacing = SPACING_LEADING,
        .clips = true,
        .plan = plan,
        .step = step,
};

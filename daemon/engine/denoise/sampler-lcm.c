/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Luo et al. 2023, "Latent consistency models": the denoiser's answer is the picture, and each step puts it under fresh
 * noise of the next level. */

#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/denoise/samplers.h"

/* The boundary condition (eq. 8) as diffusers' LCMScheduler has it. */
#define SIGMA_DATA 0.5
#define TIMESTEP_SCALING 10

/* Among the timesteps of the solver that it was distilled from, evenly. */
static int plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        const uint32_t originals = MIN(schedule->config->original_steps, schedule->train_timesteps);
        const uint32_t stride = schedule->train_timesteps / originals;
        (void)spacing;

        if (s->steps > originals)
                return -ERANGE;
        for (uint32_t i = 0; i < s->steps; i++) {
                uint32_t t = (originals - (uint32_t)((uint64_t)i * originals / s->steps)) * stride - 1;
                s->evaluations[i] = (Evaluation) {
                        .timestep = (float)t,
                        .from = noise_level_from_alpha(schedule_alpha(schedule, t)),
                        .to = { .signal = 1 },
                };
                if (i > 0)
                        s->evaluations[i - 1].to = s->evaluations[i].from;
        }
        return 0;
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        const double t = TIMESTEP_SCALING * (double)s->evaluations[i].timestep, norm = t * t + SIGMA_DATA * SIGMA_DATA;
        const double skip = SIGMA_DATA * SIGMA_DATA / norm, out = t / sqrt(norm);
        const NoiseLevel to = s->evaluations[i].to;

        combine(s, latents, to.signal * out, s->x0, to.signal * skip, latents);
        if (i + 1 < s->n_evaluations)
                add_noise(s, latents, to.noise, noise);
}

const SamplerType sampler_lcm = {
        .label = "LCM",
        .spacing = SPACING_LEADING,
        .clips = true,
        .plan = plan,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DPM-Solver++(2S) (Lu et al. 2022, algorithm 1) with ancestral noise; k-diffusion's sample_dpmpp_2s_ancestral. Time is
 * -log sigma. */

#include <math.h>
#include <string.h>

#include "engine/denoise/samplers.h"

static double middle(const Sampling *s, double sigma, double next)
{
        double up;
        return sqrt(sigma * ancestral_step(sigma, next, s->eta, &up));
}

static int expand(Sampling *s, const Schedule *schedule)
{
        return expand_in_two(s, schedule, middle);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        const bool second = is_second_half(i);
        const double from = step_sigma(s, i);
        double to = noise_level_sigma(s->evaluations[i].to), up = 0;

        if (!second)
                memcpy(s->kept[0], latents, s->n * sizeof(float));
        else
                to = ancestral_step(from, to, s->eta, &up);
        /* To no noise at all this is the predicted picture, as Euler's step is. */
        combine(s, latents, to / from, s->kept[0], 1 - to / from, s->x0);
        if (second)
                add_noise(s, latents, up, noise);
}

const SamplerType sampler_dpmpp_2s_ancestral = {
        .label = "DPM++ 2S a",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .n_kept = 1,
        .eta = 1,
        .plan = plan_euler,
        .expand = expand,
        .step = step,
};

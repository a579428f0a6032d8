/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Karras et al. 2022, "Elucidating the design space of diffusion-based generative models", algorithm 2 without churn:
 * Euler's step, then the whole step again with the mean of the slopes at both its ends. */

#include <string.h>

#include "engine/denoise/samplers.h"

enum { START, SLOPE };

static double middle(const Sampling *s, double sigma, double next)
{
        (void)s, (void)sigma;
        return next;
}

static int expand(Sampling *s, const Schedule *schedule)
{
        return expand_in_two(s, schedule, middle);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction, (void)noise;
        float *start = s->kept[START], *slope = s->kept[SLOPE];
        const float stride = (float)(step_next_sigma(s, i) - step_sigma(s, i));
        const float sigma = (float)noise_level_sigma(s->evaluations[i].from);

        if (is_second_half(i)) {
                for (size_t k = 0; k < s->n; k++)
                        latents[k] = start[k] + (slope[k] + (latents[k] - s->x0[k]) / sigma) / 2 * stride;
                return;
        }
        memcpy(start, latents, s->n * sizeof(float));
        for (size_t k = 0; k < s->n; k++) {
                slope[k] = (latents[k] - s->x0[k]) / sigma;
                latents[k] += slope[k] * stride;
        }
}

const SamplerType sampler_heun = {
        .label = "Heun",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .n_kept = 2,
        .plan = plan_euler,
        .expand = expand,
        .step = step,
};

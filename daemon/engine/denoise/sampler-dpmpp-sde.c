/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DPM-Solver++ as a stochastic differential equation, two evaluations a step; k-diffusion's sample_dpmpp_sde with
 * r = 1/2. Time is -log sigma.
 *
 * Its noise is a Brownian motion over sigma, looked at twice a step: from the start to the middle, and from the start to
 * the end. Here two independent draws are its increments over the two halves, one after each evaluation, so that the
 * first look has the first draw and the second their weighted sum: the same law as k-diffusion's BrownianTree, other
 * numbers. */

#include <math.h>
#include <string.h>

#include "engine/denoise/samplers.h"

enum { START, FIRST_NOISE };

static double middle(const Sampling *s, double sigma, double next)
{
        (void)s;
        return sqrt(sigma * next);
}

static int expand(Sampling *s, const Schedule *schedule)
{
        return expand_in_two(s, schedule, middle);
}

static void first_half(Sampling *s, uint32_t i, float *latents, Noise *noise)
{
        double from = step_sigma(s, i), up;
        double down = ancestral_step(from, noise_level_sigma(s->evaluations[i].to), s->eta, &up);

        memcpy(s->kept[START], latents, s->n * sizeof(float));
        combine(s, latents, down / from, latents, 1 - down / from, s->x0);
        noise_normals(noise, s->kept[FIRST_NOISE], s->n);
        for (size_t k = 0; k < s->n; k++)
                latents[k] += s->kept[FIRST_NOISE][k] * (float)up;
}

/* 1 / (2 r) is 1: the step is made with the middle's prediction alone. */
static void second_half(Sampling *s, uint32_t i, float *latents, Noise *noise)
{
        double from = step_sigma(s, i), between = noise_level_sigma(s->evaluations[i].from),
               to = noise_level_sigma(s->evaluations[i].to), up;
        double down = ancestral_step(from, to, s->eta, &up);
        double first = sqrt((from - between) / (from - to)), second = sqrt((between - to) / (from - to));

        combine(s, latents, down / from, s->kept[START], 1 - down / from, s->x0);
        for (size_t k = 0; k < s->n; k++)
                latents[k] += s->kept[FIRST_NOISE][k] * (float)(up * first);
        add_noise(s, latents, up * second, noise);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction;
        if (is_second_half(i))
                second_half(s, i, latents, noise);
        else if (i + 1 == s->n_evaluations) /* the end */
                memcpy(latents, s->x0, s->n * sizeof(float));
        else
                first_half(s, i, latents, noise);
}

const SamplerType sampler_dpmpp_sde = {
        .label = "DPM++ SDE",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .n_kept = 2,
        .eta = 1,
        .plan = plan_euler,
        .expand = expand,
        .step = step,
};

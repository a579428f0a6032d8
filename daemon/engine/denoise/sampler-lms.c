/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linear multistep (Adams-Bashforth of order 4 on the sigmas at hand; Crowson's k-diffusion, sample_lms): the integral of
 * the polynomial through the last slopes. */

#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/samplers.h"

#define ORDER SAMPLING_KEPT_MAX

/* The Lagrange polynomial of the slope `which` steps back, at sigma. */
static double basis(const Sampling *s, uint32_t i, uint32_t order, uint32_t which, double sigma)
{
        double product = 1, own = noise_level_sigma(s->evaluations[i - which].from);

        for (uint32_t k = 0; k < order; k++)
                if (k != which) {
                        double other = noise_level_sigma(s->evaluations[i - k].from);
                        product *= (sigma - other) / (own - other);
                }
        return product;
}

/* Its integral over the step; two points (Gauss, Legendre) are exact for a cubic. */
static double coefficient(const Sampling *s, uint32_t i, uint32_t order, uint32_t which)
{
        double from = noise_level_sigma(s->evaluations[i].from), to = noise_level_sigma(s->evaluations[i].to);
        double middle = (from + to) / 2, half = (to - from) / 2, x = half / sqrt(3);

        return half * (basis(s, i, order, which, middle - x) + basis(s, i, order, which, middle + x));
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction, (void)noise;
        const float sigma = (float)noise_level_sigma(s->evaluations[i].from);
        const uint32_t order = MIN(i + 1, ORDER);
        float *slope = s->kept[i % ORDER];

        for (size_t k = 0; k < s->n; k++)
                slope[k] = (latents[k] - s->x0[k]) / sigma;
        for (uint32_t which = 0; which < order; which++) {
                const float c = (float)coefficient(s, i, order, which), *of = s->kept[(i - which) % ORDER];
                for (size_t k = 0; k < s->n; k++)
                        latents[k] += c * of[k];
        }
}

const SamplerType sampler_lms = {
        .label = "LMS",
        .spacing = SPACING_LINSPACE,
        .variance_exploding = true,
        .n_kept = ORDER,
        .plan = plan_euler,
        .step = step,
};

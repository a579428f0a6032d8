/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zhao et al. 2023, "UniPC: a unified predictor-corrector framework for fast sampling of diffusion models": order 2,
 * B(h) = e^h - 1 ("bh2"), predicting the picture. What the denoiser says at the end of a step first corrects that step
 * (UniC), then predicts the next one (UniP). */

#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/samplers.h"

enum { START, X0_BEFORE_LAST };

/* diffusers' class ends at the training's lowest noise instead of none, with Karras' spacing where the last step began. */
static int plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        int r = plan_dpm(s, schedule, spacing);
        if (r < 0)
                return r;
        Evaluation *last = &s->evaluations[s->steps - 1];
        last->to = schedule->config->karras ? last->from : noise_level_from_sigma(schedule_sigma(schedule, 0));
        return 0;
}

static double lambda_of(const Sampling *s, uint32_t i)
{
        return noise_level_lambda(s->evaluations[i].from);
}

/* Of step i: 1 at both ends. */
static uint32_t order_of(const Sampling *s, uint32_t i)
{
        return i == 0 || i + 1 == s->n_evaluations ? 1 : 2;
}

/* latents = what the step from `start` predicts, with slopes[] of predicted pictures against x0: the sum of
 * weights[k] * (pictures[k] - x0). */
static void solve(const Sampling *s, NoiseLevel from, NoiseLevel to, const float *start, const float *x0, uint32_t n,
                  const double *weights, const float *const *pictures, float *latents)
{
        double h = noise_level_lambda(to) - noise_level_lambda(from), gain = -to.signal * expm1(-h);

        for (size_t k = 0; k < s->n; k++) {
                double sum = 0;
                for (uint32_t j = 0; j < n; j++)
                        sum += weights[j] * (double)(pictures[j][k] - x0[k]);
                latents[k] = (float)(to.noise / from.noise * (double)start[k] + gain * ((double)x0[k] + sum));
        }
}

/* The step that led here, again with what the denoiser says here. */
static void correct(Sampling *s, uint32_t i, float *latents)
{
        const double h = lambda_of(s, i) - lambda_of(s, i - 1), phi = expm1(-h);
        const float *const pictures[] = { s->x0, s->kept[X0_BEFORE_LAST] };
        double weights[2] = { 0.5, 0 };
        double r = order_of(s, i - 1) == 2 && h > 0 ? (lambda_of(s, i - 2) - lambda_of(s, i - 1)) / h : 0;
        uint32_t n = 1;

        if (r < 0) { /* 0: rounding may leave two steps at one timestep */
                /* rho of [1 1; r 1] rho = b, eq. 10 for q = 2. */
                double phi2 = phi / -h - 1, phi3 = phi2 / -h - 0.5, b1 = phi2 / phi, b2 = 2 * phi3 / phi;
                double rho = (b1 - b2) / (1 - r);
                weights[0] = b1 - rho;
                weights[1] = rho / r;
                n = 2;
        }
        solve(s, s->evaluations[i - 1].from, s->evaluations[i].from, s->kept[START], s->x0_last, n, weights, pictures,
              latents);
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)prediction, (void)noise;
        const NoiseLevel from = s->evaluations[i].from, to = s->evaluations[i].to;
        const float *const pictures[] = { s->x0_last };
        double weight = 0;
        uint32_t n = 0;

        if (i > 0)
                correct(s, i, latents);
        memcpy(s->kept[START], latents, s->n * sizeof(float));
        if (order_of(s, i) == 2) {
                double h = noise_level_lambda(to) - lambda_of(s, i), h_last = lambda_of(s, i) - lambda_of(s, i - 1);
                weight = h_last > 0 ? -0.5 * h / h_last : 0;
                n = 1;
        }
        solve(s, from, to, s->kept[START], s->x0, n, &weight, pictures, latents);
        memcpy(s->kept[X0_BEFORE_LAST], s->x0_last, s->n * sizeof(float));
}

const SamplerType sampler_unipc = {
        .label = "UniPC",
        .spacing = SPACING_LINSPACE,
        .n_kept = 2,
        .plan = plan,
        .step = step,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Liu et al. 2022, "Pseudo numerical methods for diffusion models on manifolds": the linear multistep of order 4 (eq. 12)
 * of predictions, warmed up by one step of Heun's kind (as diffusers with skip_prk_steps, and CompVis' PLMS), and eq. 9's
 * transfer, which is DDIM's. One evaluation more than steps: the second looks at the end of the first step and makes it
 * once more. */

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/samplers.h"

#define ORDER 3 /* predictions before this one */
enum { START = ORDER };
_Static_assert(START < SAMPLING_KEPT_MAX, "the start of the first step is kept beside the predictions");

static int plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        return plan_ddim(s, schedule, spacing,
                         schedule->config->set_alpha_to_one ? 1 : (double)schedule->alphas_cumprod[0]);
}

/* The second evaluation's `from` is where its step starts, as the transfer needs it, not where it looks; the preview of
 * that one is a little off. */
static int expand(Sampling *s, const Schedule *schedule)
{
        if (s->steps < 2)
                return 0;
        Evaluation *evaluations = reallocarray(s->evaluations, s->steps + 1, sizeof(*evaluations));
        if (!evaluations)
                return -ENOMEM;

        s->evaluations = evaluations;
        memmove(evaluations + 2, evaluations + 1, (s->steps - 1) * sizeof(*evaluations));
        uint32_t t = (uint32_t)evaluations[2].timestep;
        evaluations[1] = (Evaluation) {
                .timestep = evaluations[2].timestep,
                .from = noise_level_from_alpha(schedule_alpha(schedule, MIN(t + s->stride, schedule->train_timesteps - 1))),
                .to = evaluations[2].from,
        };
        s->n_evaluations = s->steps + 1;
        return 0;
}

/* The predictions before evaluation i, the j-th last of them; the second's is not among them. */
static const float *earlier(const Sampling *s, uint32_t i, uint32_t j)
{
        return s->kept[(i - 1 - j) % ORDER];
}

/* The mean that makes the step, in x0_last, which is of no other use here. */
static const float *mean(Sampling *s, uint32_t i, const float *prediction)
{
        static const float weights[][ORDER + 1] = {
                { 1 },
                { 3 / 2.0F, -1 / 2.0F },
                { 23 / 12.0F, -16 / 12.0F, 5 / 12.0F },
                { 55 / 24.0F, -59 / 24.0F, 37 / 24.0F, -9 / 24.0F },
        };
        const uint32_t order = i > 1 ? MIN(i - 1, ORDER) : 0;
        float *ret = s->x0_last;

        for (size_t k = 0; k < s->n; k++) {
                float sum = weights[order][0] * prediction[k];
                for (uint32_t j = 1; j <= order; j++)
                        sum += weights[order][j] * earlier(s, i, j)[k];
                ret[k] = i == 1 ? (prediction[k] + s->kept[0][k]) / 2 : sum;
        }
        return ret;
}

static void step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        (void)noise;
        const float *m = mean(s, i, prediction);
        const Factors x0 = sampling_x0_factors(s, i), eps = sampling_noise_factors(s, i);
        const float signal = (float)s->evaluations[i].to.signal, remaining = (float)s->evaluations[i].to.noise;

        if (i != 1)
                memcpy(s->kept[i > 0 ? (i - 1) % ORDER : 0], prediction, s->n * sizeof(float));
        if (i == 0)
                memcpy(s->kept[START], latents, s->n * sizeof(float));
        for (size_t k = 0; k < s->n; k++) {
                float x = i == 1 ? s->kept[START][k] : latents[k];
                latents[k] = signal * (x0.latents * x + x0.prediction * m[k]) +
                             remaining * (eps.latents * x + eps.prediction * m[k]);
        }
}

const SamplerType sampler_pndm = {
        .label = "PLMS",
        .spacing = SPACING_LEADING,
        .own_schedule = true,
        .n_kept = ORDER + 1,
        .plan = plan,
        .expand = expand,
        .step = step,
};

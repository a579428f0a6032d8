/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "engine/denoise/sampler.h"
#include "engine/denoise/samplers.h"

static const SamplerType *const types[SAMPLER_MAX] = {
        [SAMPLER_DDIM] = &sampler_ddim,
        [SAMPLER_EULER] = &sampler_euler,
        [SAMPLER_EULER_A] = &sampler_euler_ancestral,
        [SAMPLER_DPMPP_2M] = &sampler_dpmpp_2m,
        [SAMPLER_EULER_KARRAS] = &sampler_euler_karras,
        [SAMPLER_EULER_A_KARRAS] = &sampler_euler_ancestral_karras,
        [SAMPLER_DPMPP_2M_KARRAS] = &sampler_dpmpp_2m_karras,
};

const char *sampler_label(Sampler sampler)
{
        return sampler > SAMPLER_DEFAULT && sampler < SAMPLER_MAX ? types[sampler]->label : "";
}

static int allocate(Sampling *s)
{
        s->evaluations = calloc(s->n_evaluations, sizeof(*s->evaluations));
        s->x0 = calloc(s->n, sizeof(float));
        s->x0_last = calloc(s->n, sizeof(float));
        return s->evaluations && s->x0 && s->x0_last ? 0 : -ENOMEM;
}

int sampling_new(Sampling **ret, Sampler sampler, const SchedulerConfig *config, uint32_t steps, size_t n,
                 Error *error)
{
        if (sampler <= SAMPLER_DEFAULT || sampler >= SAMPLER_MAX)
                return error_set(error, -EINVAL, "sampler: no such sampler");
        if (steps < 1 || steps >= config->train_timesteps)
                return error_set(error, -EINVAL, "steps: %u, but the model was trained with %u timesteps",
                                 steps, config->train_timesteps);

        _cleanup_(sampling_freep) Sampling *s = calloc(1, sizeof(*s));
        if (!s)
                return error_set(error, -ENOMEM, "out of memory");
        *s = (Sampling) {
                .type = types[sampler],
                .prediction = config->prediction,
                .clip = types[sampler]->clips && config->clip_sample ? config->clip_sample_range : 0,
                .steps = steps,
                .n_evaluations = steps,
                .start_scale = 1,
                .n = n,
        };

        _cleanup_(schedule_done) Schedule schedule = {};
        int r = allocate(s);
        if (r >= 0)
                r = schedule_init(&schedule, config);
        if (r >= 0)
                r = s->type->plan(s, &schedule,
                                  config->spacing == SPACING_DEFAULT ? s->type->spacing : config->spacing);
        if (r < 0)
                return error_set(error, r, "out of memory");

        *ret = TAKE_PTR(s);
        return 0;
}

Sampling *sampling_free(Sampling *s)
{
        if (!s)
                return NULL;
        free(s->evaluations);
        free(s->x0);
        free(s->x0_last);
        free(s);
        return NULL;
}

void sampling_start(const Sampling *s, float *latents)
{
        for (size_t k = 0; k < s->n; k++)
                latents[k] *= (float)s->start_scale;
}

void sampling_input(const Sampling *s, uint32_t i, const float *latents, float *ret)
{
        float scale = s->type->variance_exploding ? (float)s->evaluations[i].from.signal : 1;

        for (size_t k = 0; k < s->n; k++)
                ret[k] = latents[k] * scale;
}

/* Salimans, Ho 2022, appendix D: x = signal * x0 + noise * eps, v = signal * eps - noise * x0; here for x0.
 */
Factors sampling_x0_factors(const Sampling *s, uint32_t i)
{
        NoiseLevel at = s->evaluations[i].from;
        double x = 0, m = 0;

        switch (s->prediction) {
        case PREDICTION_EPSILON:
                x = 1 / at.signal;
                m = -at.noise / at.signal;
                break;
        case PREDICTION_V:
                x = at.signal;
                m = -at.noise;
                break;
        case PREDICTION_SAMPLE:
                m = 1;
                break;
        }
        return (Factors) { (float)(s->type->variance_exploding ? x * at.signal : x), (float)m };
}

/* The same solved for eps. */
Factors sampling_noise_factors(const Sampling *s, uint32_t i)
{
        NoiseLevel at = s->evaluations[i].from;
        double x = 0, m = 0;

        switch (s->prediction) {
        case PREDICTION_EPSILON:
                m = 1;
                break;
        case PREDICTION_V:
                x = at.noise;
                m = at.signal;
                break;
        case PREDICTION_SAMPLE:
                x = 1 / at.noise;
                m = -at.signal / at.noise;
                break;
        }
        return (Factors) { (float)(s->type->variance_exploding ? x * at.signal : x), (float)m };
}

void sampling_step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise)
{
        Factors f = sampling_x0_factors(s, i);
        float clip = (float)s->clip;

        float *swap = s->x0_last;
        s->x0_last = s->x0;
        s->x0 = swap;
        for (size_t k = 0; k < s->n; k++) {
                float x0 = f.latents * latents[k] + f.prediction * prediction[k];
                s->x0[k] = clip > 0 ? MIN(MAX(x0, -clip), clip) : x0;
        }
        s->type->step(s, i, prediction, latents, noise);
}

uint32_t sampling_step_of(const Sampling *s, uint32_t i)
{
        return (uint32_t)((uint64_t)(i + 1) * s->steps / s->n_evaluations);
}

int sampling_plan_sigmas(Sampling *s, const Schedule *schedule, const double *timesteps,
                         const double *sigmas)
{
        for (uint32_t i = 0; i < s->steps; i++) {
                double next = 0;
                if (i + 1 < s->steps)
                        next = sigmas ? sigmas[i + 1] : schedule_sigma(schedule, timesteps[i + 1]);

                s->evaluations[i] = (Evaluation) {
                        .timestep = (float)timesteps[i],
                        .from = noise_level_from_sigma(sigmas ? sigmas[i]
                                                              : schedule_sigma(schedule, timesteps[i])),
                        .to = noise_level_from_sigma(next),
                };
        }
        return 0;
}

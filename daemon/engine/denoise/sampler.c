/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/sampler.h"
#include "engine/denoise/samplers.h"

static const SamplerType *const types[SAMPLER_MAX] = {
        [SAMPLER_DDIM] = &sampler_ddim,
        [SAMPLER_EULER] = &sampler_euler,
        [SAMPLER_EULER_A] = &sampler_euler_ancestral,
        [SAMPLER_HEUN] = &sampler_heun,
        [SAMPLER_DPM2] = &sampler_dpm2,
        [SAMPLER_DPM2_A] = &sampler_dpm2_ancestral,
        [SAMPLER_DPMPP_2S_A] = &sampler_dpmpp_2s_ancestral,
        [SAMPLER_DPMPP_2M] = &sampler_dpmpp_2m,
        [SAMPLER_DPMPP_2M_SDE] = &sampler_dpmpp_2m_sde,
        [SAMPLER_DPMPP_SDE] = &sampler_dpmpp_sde,
        [SAMPLER_LMS] = &sampler_lms,
        [SAMPLER_DDPM] = &sampler_ddpm,
        [SAMPLER_PNDM] = &sampler_pndm,
        [SAMPLER_UNIPC] = &sampler_unipc,
        [SAMPLER_LCM] = &sampler_lcm,
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
        if (!s->evaluations || !s->x0 || !s->x0_last)
                return -ENOMEM;
        for (uint32_t i = 0; i < s->type->n_kept; i++)
                if (!(s->kept[i] = calloc(s->n, sizeof(float))))
                        return -ENOMEM;
        return 0;
}

static int check_settings(const SchedulerConfig *config, const SamplingSettings *settings, Error *error)
{
        if (settings->sampler <= SAMPLER_DEFAULT || settings->sampler >= SAMPLER_MAX)
                return error_set(error, -EINVAL, "sampler: no such sampler");
        if (settings->schedule >= SIGMA_SCHEDULE_MAX)
                return error_set(error, -EINVAL, "schedule: no such schedule");
        if (settings->steps < 1 || settings->steps >= config->train_timesteps)
                return error_set(error, -EINVAL, "steps: %u, but the model was trained with %u timesteps",
                                 settings->steps, config->train_timesteps);
        if (settings->schedule != SIGMA_SCHEDULE_DEFAULT && types[settings->sampler]->own_schedule)
                return error_set(error, -EINVAL, "schedule: %s has one of its own",
                                 sampler_to_string(settings->sampler));
        return 0;
}

/* What starts from a picture leaves out the first steps. */
static void cut(Sampling *s, uint32_t skip)
{
        if (skip >= s->steps)
                skip = s->steps - 1;
        s->steps -= skip;
        memmove(s->evaluations, s->evaluations + skip, s->steps * sizeof(*s->evaluations));
        s->n_evaluations = s->steps;
}

static int plan(Sampling *s, const SchedulerConfig *config, const SamplingSettings *settings)
{
        _cleanup_(schedule_done) Schedule schedule = {};
        const SamplerType *type = s->type;

        int r = schedule_init(&schedule, config);
        if (r < 0)
                return r;
        if (settings->schedule == SIGMA_SCHEDULE_DEFAULT)
                r = type->plan(s, &schedule, config->spacing == SPACING_DEFAULT ? type->spacing : config->spacing);
        else
                r = plan_schedule(s, &schedule, settings->schedule);
        if (r < 0)
                return r;
        cut(s, settings->skip);
        return type->expand ? type->expand(s, &schedule) : 0;
}

int sampling_new(Sampling **ret, const SchedulerConfig *config, const SamplingSettings *settings, size_t n,
                 Error *error)
{
        int r = check_settings(config, settings, error);
        if (r < 0)
                return r;

        const SamplerType *type = types[settings->sampler];
        _cleanup_(sampling_freep) Sampling *s = calloc(1, sizeof(*s));
        if (!s)
                return error_set(error, -ENOMEM, "out of memory");
        *s = (Sampling) {
                .type = type,
                .prediction = config->prediction,
                .clip = type->clips && config->clip_sample ? config->clip_sample_range : 0,
                .eta = settings->eta >= 0 ? settings->eta : type->eta,
                .steps = settings->steps,
                .n_evaluations = settings->steps + type->drops_penultimate,
                .start_scale = 1,
                .n = n,
        };
        r = allocate(s);
        s->n_evaluations = s->steps;
        if (r >= 0)
                r = plan(s, config, settings);
        if (r == -ERANGE)
                return error_set(error, -EINVAL, "steps: %u, but with this model %s makes at most %u", settings->steps,
                                 sampler_to_string(settings->sampler), config->original_steps);
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
        for (size_t i = 0; i < ELEMENTSOF(s->kept); i++)
                free(s->kept[i]);
        free(s);
        return NULL;
}

void sampling_start(const Sampling *s, float *latents)
{
        for (size_t k = 0; k < s->n; k++)
                latents[k] *= (float)s->start_scale;
}

/* The picture under the noise of a level, as this sampler's latents are scaled. */
static void add_level(const Sampling *s, NoiseLevel level, const float *picture, const float *normals, float *ret)
{
        bool exploding = s->type->variance_exploding;
        float signal = exploding ? 1 : (float)level.signal,
              noise = (float)(exploding ? noise_level_sigma(level) : level.noise);

        for (size_t k = 0; k < s->n; k++)
                ret[k] = signal * picture[k] + noise * normals[k];
}

void sampling_start_from(const Sampling *s, const float *picture, float *latents)
{
        add_level(s, s->evaluations[0].from, picture, latents, latents);
}

void sampling_noised(const Sampling *s, uint32_t i, const float *picture, const float *normals, float *ret)
{
        add_level(s, s->evaluations[i].to, picture, normals, ret);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From noise to latents: a sampler solves the denoising equation in steps, asking the denoiser once for each
 * evaluation.
 *
 *     _cleanup_(sampling_freep) Sampling *s = NULL;
 *     r = sampling_new(&s, &config, &(SamplingSettings) { .sampler = SAMPLER_EULER, .steps = 20, .eta = -1 }, n, &error);
 *     noise_normals(&noise, latents, n);
 *     sampling_start(s, latents);
 *     for (uint32_t i = 0; i < s->n_evaluations; i++) {
 *             sampling_input(s, i, latents, input);
 *             … prediction = denoiser(input, s->evaluations[i].timestep) …
 *             sampling_step(s, i, prediction, latents, &noise);
 *     }
 *
 * Latents are plain arrays in the order in which torch draws noise for them: [channels, height, width].
 *
 * A new sampler is one file with a SamplerType and one line in the table in sampler.c. What it keeps between
 * evaluations is in Sampling. Its plan lists steps; one that asks the denoiser twice a step (Heun) expands them into
 * evaluations. Noise is drawn in `step`, from the same generator as the first latents, and a whole draw a time, so that
 * the seed decides it and nothing else does. */

#include "engine/denoise/noise.h"
#include "engine/denoise/schedule.h"

#define SAMPLING_KEPT_MAX 4

typedef struct Sampling Sampling;

typedef struct SamplerType {
        const char *label; /* as AUTOMATIC1111 calls it in a picture's parameters */
        TimestepSpacing spacing; /* where the config does not say */
        /* Latents are picture + sigma * normal instead of signal * picture + noise * normal: the denoiser,
         * which was trained on the latter, gets them scaled. */
        bool variance_exploding;
        bool clips; /* heeds clip_sample */
        bool own_schedule; /* works with no other than its own */
        bool drops_penultimate; /* the web UIs plan one step more for it, and leave out the last but one */
        uint32_t n_kept; /* arrays of latents that it keeps */
        double eta; /* if nobody says it */
        /* Fills in evaluations[0 … steps - 1] as the class of that name in diffusers does. */
        int (*plan)(Sampling *s, const Schedule *schedule, TimestepSpacing spacing);
        /* Makes evaluations of s->steps steps; NULL: they are. */
        int (*expand)(Sampling *s, const Schedule *schedule);
        /* Makes the step; s->x0 holds the predicted picture, s->x0_last that of the evaluation before. */
        void (*step)(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise);
} SamplerType;

typedef struct SamplingSettings {
        Sampler sampler; /* not SAMPLER_DEFAULT */
        SigmaSchedule schedule;
        uint32_t steps;
        uint32_t skip; /* the first of them, for what starts from a picture; less than steps */
        double eta; /* negative: the sampler's usual */
} SamplingSettings;

struct Sampling {
        const SamplerType *type;
        PredictionType prediction;
        double clip; /* |x0| is clipped to it; 0: not at all */
        double eta;
        uint32_t steps; /* that are made; fewer than were asked for if a schedule has no more */
        uint32_t n_evaluations;
        Evaluation *evaluations;
        uint32_t stride; /* training timesteps a step, where plan_ddim made the plan */
        double start_scale; /* of the first latents: standard normals times this */
        size_t n; /* floats in the latents */
        float *x0, *x0_last; /* predicted pictures, this evaluation's and the one's before */
        float *kept[SAMPLING_KEPT_MAX];
};

/* -EINVAL with a sentence: too many steps for the model, a schedule that the sampler cannot use; -ENOMEM. */
int sampling_new(Sampling **ret, const SchedulerConfig *config, const SamplingSettings *settings, size_t n,
                 Error *error);
Sampling *sampling_free(Sampling *s);
DEFINE_CLEANUP(Sampling *, sampling_free)

/* Standard normals to the first latents, in place. */
void sampling_start(const Sampling *s, float *latents);

/* Standard normals to a picture's latents under the noise of the first step, in place. */
void sampling_start_from(const Sampling *s, const float *picture, float *latents);

/* A picture's latents under as much noise as is left after evaluation i: what inpainting puts around the mask. */
void sampling_noised(const Sampling *s, uint32_t i, const float *picture, const float *normals, float *ret);

void sampling_input(const Sampling *s, uint32_t i, const float *latents, float *ret);
void sampling_step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise);

/* How many steps are complete after evaluation i. */
uint32_t sampling_step_of(const Sampling *s, uint32_t i);

/* "DPM++ 2M" and the like. */
const char *sampler_label(Sampler sampler);

/* For samplers: x0 or the noise in the latents as factors of latents and prediction. */
typedef struct Factors {
        float latents, prediction;
} Factors;

Factors sampling_x0_factors(const Sampling *s, uint32_t i);
Factors sampling_noise_factors(const Sampling *s, uint32_t i);

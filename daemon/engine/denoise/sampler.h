/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From noise to latents: a sampler solves the denoising equation in steps, asking the denoiser once for each
 * evaluation.
 *
 *     _cleanup_(sampling_freep) Sampling *s = NULL;
 *     r = sampling_new(&s, SAMPLER_EULER, &config, steps, n, &error);
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
 * evaluations is in Sampling; one with several evaluations a step (Heun) plans them all in `evaluations`;
 * noise is drawn in `step`, from the same generator as the first latents. */

#include "engine/denoise/noise.h"
#include "engine/denoise/schedule.h"

typedef struct Sampling Sampling;

typedef struct SamplerType {
        const char *label; /* as AUTOMATIC1111 calls it in a picture's parameters */
        TimestepSpacing spacing; /* where the config does not say */
        bool karras;
        /* Latents are picture + sigma * normal instead of signal * picture + noise * normal: the denoiser,
         * which was trained on the latter, gets them scaled. */
        bool variance_exploding;
        bool clips; /* heeds clip_sample */
        /* Fills in evaluations[0 … steps - 1]. */
        int (*plan)(Sampling *s, const Schedule *schedule, TimestepSpacing spacing);
        /* Makes the step; s->x0 holds the predicted picture, s->x0_last that of the evaluation before. */
        void (*step)(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise);
} SamplerType;

struct Sampling {
        const SamplerType *type;
        PredictionType prediction;
        double clip; /* |x0| is clipped to it; 0: not at all */
        uint32_t steps;
        uint32_t n_evaluations;
        Evaluation *evaluations;
        double start_scale; /* of the first latents: standard normals times this */
        size_t n; /* floats in the latents */
        float *x0, *x0_last; /* predicted pictures, this evaluation's and the one's before */
};

/* sampler must not be SAMPLER_DEFAULT. -EINVAL: too many steps for the model; -ENOMEM. */
int sampling_new(Sampling **ret, Sampler sampler, const SchedulerConfig *config, uint32_t steps, size_t n,
                 Error *error);
Sampling *sampling_free(Sampling *s);
DEFINE_CLEANUP(Sampling *, sampling_free)

void sampling_start(const Sampling *s, float *latents);
void sampling_input(const Sampling *s, uint32_t i, const float *latents, float *ret);
void sampling_step(Sampling *s, uint32_t i, const float *prediction, float *latents, Noise *noise);

/* How many steps are complete after evaluation i. */
uint32_t sampling_step_of(const Sampling *s, uint32_t i);

/* "DPM++ 2M Karras" and the like. */
const char *sampler_label(Sampler sampler);

/* For samplers: x0 or the noise in the latents as factors of latents and prediction. */
typedef struct Factors {
        float latents, prediction;
} Factors;

Factors sampling_x0_factors(const Sampling *s, uint32_t i);
Factors sampling_noise_factors(const Sampling *s, uint32_t i);

/* For samplers that work on sigmas: evaluations[i].from and .to from n timesteps or, with Karras' spacing,
 * sigmas; the last one ends at sigma 0. */
int sampling_plan_sigmas(Sampling *s, const Schedule *schedule, const double *timesteps,
                         const double *sigmas);

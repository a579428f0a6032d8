/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much noise the training put on a picture at each timestep, and which of those timesteps a sampler
 * visits.
 *
 * A noisy picture is x = signal * picture + noise * normal, with signal^2 + noise^2 = 1 (Ho et al. 2020);
 * sigma = noise / signal (Karras et al. 2022). All arithmetic that diffusers does in float32 is done in
 * float32 here, for at small timesteps 1 - alphas_cumprod keeps only a few digits. */

#include "engine/model/config.h"

typedef struct NoiseLevel {
        double signal, noise;
} NoiseLevel;

NoiseLevel noise_level_from_alpha(double alpha_cumprod); /* signal^2 */
NoiseLevel noise_level_from_sigma(double sigma);
double noise_level_sigma(NoiseLevel level);
double noise_level_lambda(NoiseLevel level); /* log(signal / noise), infinite without noise */

/* One look of the denoiser at the latents: the timestep it is told, and the step that is made with its
 * answer. */
typedef struct Evaluation {
        float timestep;
        NoiseLevel from, to;
} Evaluation;

typedef struct Schedule {
        const SchedulerConfig *config; /* outlives the schedule */
        uint32_t train_timesteps;
        float *alphas_cumprod; /* [train_timesteps] */
} Schedule;

/* -ENOMEM. */
int schedule_init(Schedule *ret, const SchedulerConfig *config);
void schedule_done(Schedule *schedule);

/* alphas_cumprod, kept above zero where sigma must stay finite (a schedule rescaled to zero terminal SNR
 * ends at zero). */
double schedule_alpha(const Schedule *schedule, uint32_t timestep);
double schedule_sigma(const Schedule *schedule, double timestep); /* between whole timesteps: interpolated */

/* The timesteps of n steps, from noisy to clean, as diffusers' classes space them. DPM-Solver's own way
 * ("with_end") divides the range into one part more and leaves out the clean end. */
void schedule_space(const Schedule *schedule, TimestepSpacing spacing, bool with_end, bool whole, uint32_t n,
                    double *ret);

/* The training timestep whose sigma this is; between two, by the logarithm. */
double schedule_timestep(const Schedule *schedule, double sigma);

/* The sigmas from which a schedule's n steps start (schedules.c). Returns how many there are: some have fewer. */
uint32_t schedule_sigmas(const Schedule *schedule, SigmaSchedule kind, uint32_t n, double *ret);

/* n sigmas from high to low, spaced as Karras et al. 2022, eq. 5, rho = 7. */
void karras_sigmas(double high, double low, uint32_t n, double *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The samplers there are; each file has its sampler's source. */

#include "engine/denoise/sampler.h"

extern const SamplerType sampler_ddim, sampler_ddpm;
extern const SamplerType sampler_euler, sampler_euler_ancestral;
extern const SamplerType sampler_heun, sampler_dpm2, sampler_dpm2_ancestral;
extern const SamplerType sampler_dpmpp_2s_ancestral, sampler_dpmpp_2m, sampler_dpmpp_2m_sde, sampler_dpmpp_sde;
extern const SamplerType sampler_lms, sampler_pndm, sampler_unipc, sampler_lcm;

/* Plans that several share (plans.c): as diffusers' classes for sigmas do it, Euler's and DPM-Solver's; and as its DDIM
 * does, which ends at the given alphas_cumprod. */
int plan_euler(Sampling *s, const Schedule *schedule, TimestepSpacing spacing);
int plan_dpm(Sampling *s, const Schedule *schedule, TimestepSpacing spacing);
int plan_ddim(Sampling *s, const Schedule *schedule, TimestepSpacing spacing, double final_alpha);

/* The same from a schedule's sigmas, k-diffusion's way; drops steps that the schedule does not have. -ENOMEM. */
int plan_schedule(Sampling *s, const Schedule *schedule, SigmaSchedule kind);

/* Each step but the last, which ends without noise, becomes two evaluations: from its start to where `middle` says, and
 * from there to its end. -ENOMEM. */
int expand_in_two(Sampling *s, const Schedule *schedule, double (*middle)(const Sampling *s, double sigma, double next));

/* For samplers that were expanded so: */
static inline bool is_second_half(uint32_t i)
{
        return i % 2 == 1;
}

/* Where the step that evaluation i belongs to starts and ends. */
double step_sigma(const Sampling *s, uint32_t i);
double step_next_sigma(const Sampling *s, uint32_t i);

/* An ancestral step to `next`: down to a lower sigma, and fresh noise of *ret_up on top (k-diffusion's
 * get_ancestral_step). */
double ancestral_step(double sigma, double next, double eta, double *ret_up);

/* latents = a * x + b * y; and latents += scale * normals, with the whole draw made in any case, by way of x0_last, which
 * then is of no more use. */
void combine(const Sampling *s, float *latents, double a, const float *x, double b, const float *y);
void add_noise(Sampling *s, float *latents, double scale, Noise *noise);

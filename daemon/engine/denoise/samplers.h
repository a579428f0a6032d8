/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The samplers there are; each file has its sampler's source. */

#include "engine/denoise/sampler.h"

extern const SamplerType sampler_ddim;
extern const SamplerType sampler_euler, sampler_euler_karras;
extern const SamplerType sampler_euler_ancestral, sampler_euler_ancestral_karras;
extern const SamplerType sampler_dpmpp_2m, sampler_dpmpp_2m_karras;

/* The plan that Euler's samplers share. */
int euler_plan(Sampling *s, const Schedule *schedule, TimestepSpacing spacing);

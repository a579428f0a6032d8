/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names of samplers and schedules, and what else they are called: AUTOMATIC1111's "DPM++ 2M SDE Karras", ComfyUI's
 * and k-diffusion's "dpmpp_2m_sde", stable-diffusion.cpp's "dpm++2m", "euler_a", "k_dpm_2_a". Letter case, spaces, dashes
 * and underscores do not matter; a schedule's name may stand behind a sampler's. */

/* A new sampler: one line here, one file in engine/denoise and one line in its table. */
#define SAMPLERS(X)                                  \
        X(SAMPLER_DDIM, "ddim")                      \
        X(SAMPLER_EULER, "euler")                    \
        X(SAMPLER_EULER_A, "euler-a")                \
        X(SAMPLER_HEUN, "heun")                      \
        X(SAMPLER_DPM2, "dpm2")                      \
        X(SAMPLER_DPM2_A, "dpm2-a")                  \
        X(SAMPLER_DPMPP_2S_A, "dpm++-2s-a")          \
        X(SAMPLER_DPMPP_2M, "dpm++-2m")              \
        X(SAMPLER_DPMPP_2M_SDE, "dpm++-2m-sde")      \
        X(SAMPLER_DPMPP_SDE, "dpm++-sde")            \
        X(SAMPLER_LMS, "lms")                        \
        X(SAMPLER_DDPM, "ddpm")                      \
        X(SAMPLER_PNDM, "pndm")                      \
        X(SAMPLER_UNIPC, "unipc")                    \
        X(SAMPLER_LCM, "lcm")

typedef enum Sampler {
        SAMPLER_DEFAULT, /* the model's own */
#define X(id, name) id,
        SAMPLERS(X)
#undef X
        SAMPLER_MAX,
} Sampler;

/* Which noise levels the steps go through. */
#define SIGMA_SCHEDULES(X)                               \
        X(SIGMA_SCHEDULE_NORMAL, "normal")               \
        X(SIGMA_SCHEDULE_KARRAS, "karras")               \
        X(SIGMA_SCHEDULE_EXPONENTIAL, "exponential")     \
        X(SIGMA_SCHEDULE_SGM_UNIFORM, "sgm-uniform")     \
        X(SIGMA_SCHEDULE_SIMPLE, "simple")               \
        X(SIGMA_SCHEDULE_BETA, "beta")

typedef enum SigmaSchedule {
        SIGMA_SCHEDULE_DEFAULT, /* as the model's scheduler_config.json has it, for that sampler */
#define X(id, name) id,
        SIGMA_SCHEDULES(X)
#undef X
        SIGMA_SCHEDULE_MAX,
} SigmaSchedule;

/* Where noise comes from (engine/denoise/noise.h). */
#define RNGS(X)                                                        \
        X(RNG_CPU, "cpu") /* PyTorch's on the CPU */                   \
        X(RNG_PHILOX, "philox") /* web UIs' of a GPU */

typedef enum Rng {
#define X(id, name) id,
        RNGS(X)
#undef X
        RNG_MAX,
} Rng;

/* -EINVAL: none of them. Web UIs' "GPU" and "NV", and stable-diffusion.cpp's "cuda", are Philox too. */
int rng_from_string(const char *name);
const char *rng_to_string(Rng rng);

/* The name on the bus, the command line and in files; "" for the default. */
const char *sampler_to_string(Sampler sampler);
const char *sigma_schedule_to_string(SigmaSchedule schedule);

/* Returns the sampler (> 0), or -EINVAL. *ret_schedule, if it is not NULL, is the schedule that stands behind its name, or
 * SIGMA_SCHEDULE_DEFAULT. */
int sampler_from_string(const char *name, SigmaSchedule *ret_schedule);

/* Returns the schedule (> 0), or -EINVAL. */
int sigma_schedule_from_string(const char *name);

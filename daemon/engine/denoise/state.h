/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a picture is, as bytes: latents, what the sampler remembers, and the noise generator. A picture that goes on
 * from there has the same pixels as one that was never interrupted. The bytes are read by the build that wrote them, but
 * may have been through other hands: what does not fit is refused. */

#include "engine/denoise/sampler.h"

/* What must be the same for the bytes to mean the same. Unused bytes are zero. */
typedef struct DenoiseKey {
        char engine[16], model[64], version[32]; /* the engine's version; the model's name and version */
        uint64_t seed, variation_seed;
        double variation_strength;
        double strength; /* of what starts from latents */
        double guidance, guidance_rescale, guidance_start, guidance_end, eta, merge_tokens;
        uint32_t sampler, schedule, steps, h, w; /* h, w: of the latents */
        uint32_t rng;
        uint32_t fast; /* whether the few-step denoiser draws */
        uint32_t tiling, clip_skip;
        uint32_t precision;
        uint32_t reuse_deep;
        uint32_t reserved; /* 0 */
        uint32_t second; /* whether it is the second of two passes */
        char kernels[20]; /* the instruction set */
} DenoiseKey;

/* After evaluation next - 1. *ret is malloc'ed. -ENOMEM. */
int denoise_state_save(
                const DenoiseKey *key, const Sampling *s, uint32_t next, const Noise *noise, const float *latents,
                void **ret, size_t *ret_size);

/* -EBADMSG: of another picture, or broken; then nothing is touched. */
int denoise_state_load(
                const void *data, size_t size, const DenoiseKey *key, Sampling *s, uint32_t *ret_next, Noise *noise,
                float *latents);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PyTorch's CPU generator and randn, so that a seed means here what it means elsewhere: MT19937 (Matsumoto,
 * Nishimura 1998) and Box-Muller; from 16 values on in blocks of 16, below that value by value in float64
 * with the second normal of a pair kept for the next draw. Raw words are exact, normals agree to 2e-6. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sampler.h"

/* Or, as web UIs imitate PyTorch on a GPU: Philox 4x32 with 10 rounds (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"), keyed by all 64 bits of the seed. The counter is (draw, 0, number, 0); each number takes two of the
 * four words, through Box-Muller as curand does it. So a draw can be repeated by its place alone. */

typedef struct Noise {
        Rng rng;
        uint64_t seed; /* Philox */
        uint32_t draws; /* so far */
        uint32_t state[624];
        uint32_t next; /* words of the state that were used */
        bool has_kept_normal;
        double kept_normal;
} Noise;

void noise_init(Noise *noise, Rng rng, uint64_t seed);

/* The same for RNG_CPU. PyTorch's manual_seed takes 64 bits and seeds the generator with the lower 32. */
void noise_seed(Noise *noise, uint64_t seed);

/* RNG_CPU only. */
uint32_t noise_word(Noise *noise);

/* The four words of a counter and a key, in place. */
void philox_4x32(uint32_t counter[static 4], const uint32_t key[static 2]);

/* n standard normals, in the order in which torch.randn fills a tensor. */
void noise_normals(Noise *noise, float *ret, size_t n);

/* A variation: `noise` turned towards `other` by strength, 0 to 1, along the great circle, as AUTOMATIC1111 does it (slerp
 * in modules/rng.py): for each channel and column of [channels, h, w] by itself. In place. */
void noise_mix(float *noise, const float *other, double strength, size_t channels, size_t h, size_t w);

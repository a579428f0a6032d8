/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PyTorch's CPU generator and randn, so that a seed means here what it means elsewhere: MT19937 (Matsumoto,
 * Nishimura 1998) and Box-Muller; from 16 values on in blocks of 16, below that value by value in float64
 * with the second normal of a pair kept for the next draw. Raw words are exact, normals agree to 2e-6. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Noise {
        uint32_t state[624];
        uint32_t next; /* words of the state that were used */
        bool has_kept_normal;
        double kept_normal;
} Noise;

/* PyTorch's manual_seed takes 64 bits and seeds the generator with the lower 32. */
void noise_seed(Noise *noise, uint64_t seed);

uint32_t noise_word(Noise *noise);

/* n standard normals, in the order in which torch.randn fills a tensor. */
void noise_normals(Noise *noise, float *ret, size_t n);

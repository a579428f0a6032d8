/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "engine/denoise/noise.h"

#define STATE_WORDS 624
#define STATE_MIDDLE 397
#define BLOCK 16 /* the shortest draw that goes by blocks, and their length */

void noise_seed(Noise *noise, uint64_t seed)
{
        *noise = (Noise) { .next = STATE_WORDS };

        noise->state[0] = (uint32_t)seed;
        for (uint32_t i = 1; i < STATE_WORDS; i++) {
                uint32_t last = noise->state[i - 1];
                noise->state[i] = 1812433253U * (last ^ (last >> 30)) + i;
        }
}

static void twist(Noise *noise)
{
        uint32_t *s = noise->state;

        for (uint32_t i = 0; i < STATE_WORDS; i++) {
                uint32_t y = (s[i] & 0x80000000U) | (s[(i + 1) % STATE_WORDS] & 0x7fffffffU);
                s[i] = s[(i + STATE_MIDDLE) % STATE_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfU : 0);
        }
        noise->next = 0;
}

uint32_t noise_word(Noise *noise)
{
        if (noise->next >= STATE_WORDS)
                twist(noise);

        uint32_t y = noise->state[noise->next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680U;
        y ^= (y << 15) & 0xefc60000U;
        return y ^ (y >> 18);
}

/* 24 of a word's bits, in [0, 1). */
static float uniform_f32(Noise *noise)
{
        return (float)(noise_word(noise) & 0xffffff) * 0x1p-24F;
}

/* 53 bits of two words, the first one high, in [0, 1). */
static double uniform_f64(Noise *noise)
{
        uint64_t high = noise_word(noise), low = noise_word(noise);

        return (double)((high << 32 | low) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

/* Box-Muller on 16 uniforms: the first eight give the radius, the last eight the angle. */
static void fill_block(Noise *noise, float *block)
{
        for (int i = 0; i < BLOCK; i++)
                block[i] = uniform_f32(noise);

        for (int i = 0; i < BLOCK / 2; i++) {
                double radius = sqrt(-2 * log(1 - (double)block[i]));
                double angle = (double)(6.28318530717958647692F *
                                        block[i + BLOCK / 2]); /* rounded as PyTorch does */
                block[i] = (float)(radius * cos(angle));
                block[i + BLOCK / 2] = (float)(radius * sin(angle));
        }
}

static double normal_f64(Noise *noise)
{
        if (noise->has_kept_normal) {
                noise->has_kept_normal = false;
                return noise->kept_normal;
        }

        double angle = 6.28318530717958647692 * uniform_f64(noise);
        double radius = sqrt(-2 * log1p(-uniform_f64(noise)));
        noise->kept_normal = radius * sin(angle);
        noise->has_kept_normal = true;
        return radius * cos(angle);
}

void noise_normals(Noise *noise, float *ret, size_t n)
{
        if (n < BLOCK) {
                for (size_t i = 0; i < n; i++)
                        ret[i] = (float)normal_f64(noise);
                return;
        }

        /* PyTorch draws the uniforms of all blocks before it turns any into normals; block by block is the
         * same stream. */
        size_t whole = n / BLOCK * BLOCK;
        for (size_t i = 0; i < whole; i += BLOCK)
                fill_block(noise, ret + i);
        if (n > whole) {
                /* It draws a uniform for each value of the rest too, and then the last 16 values anew. */
                for (size_t i = whole; i < n; i++)
                        (void)noise_word(noise);
                fill_block(noise, ret + n - BLOCK);
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

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

void noise_init(Noise *noise, Rng rng, uint64_t seed)
{
        noise_seed(noise, seed);
        noise->rng = rng;
        noise->seed = seed;
}

void philox_4x32(uint32_t counter[static 4], const uint32_t key[static 2])
{
        uint32_t k0 = key[0], k1 = key[1];

        for (int round = 0; round < 10; round++) {
                uint64_t a = (uint64_t)0xd2511f53 * counter[0], b = (uint64_t)0xcd9e8d57 * counter[2];
                uint32_t next[4] = { (uint32_t)(b >> 32) ^ counter[1] ^ k0, (uint32_t)b,
                                     (uint32_t)(a >> 32) ^ counter[3] ^ k1, (uint32_t)a };
                memcpy(counter, next, sizeof(next));
                k0 += 0x9e3779b9;
                k1 += 0xbb67ae85;
        }
}

/* curand's Box-Muller, with its constants in float32 and the rest in float64, as rng_philox.py of the web UI computes. */
static void philox_normals(Noise *noise, float *ret, size_t n)
{
        const double scale = (double)2.3283064e-10F, turn = (double)(float)(2.3283064e-10 * 6.2831855);
        const uint32_t key[2] = { (uint32_t)noise->seed, (uint32_t)(noise->seed >> 32) };

        for (size_t i = 0; i < n; i++) {
                uint32_t words[4] = { noise->draws, 0, (uint32_t)i, 0 };
                philox_4x32(words, key);
                double u = words[0] * scale + scale / 2, v = words[1] * turn + turn / 2;
                ret[i] = (float)(sqrt(-2 * log(u)) * sin(v));
        }
        noise->draws++;
}

/* One vector of n numbers, `stride` apart. */
static void mix_vector(float *a, const float *b, double strength, size_t n, size_t stride)
{
        double aa = 0, bb = 0, ab = 0;

        for (size_t i = 0; i < n * stride; i += stride) {
                aa += (double)a[i] * (double)a[i];
                bb += (double)b[i] * (double)b[i];
                ab += (double)a[i] * (double)b[i];
        }
        double length = sqrt(aa) * sqrt(bb), cosine = length > 0 ? fmax(fmin(ab / length, 1), -1) : 1;
        double angle = acos(cosine), whole = sin(angle);
        /* All but parallel, or opposite: the circle is a line, or none of many. */
        bool flat = fabs(cosine) > 0.9995;
        double of_a = flat ? 1 - strength : sin((1 - strength) * angle) / whole,
               of_b = flat ? strength : sin(strength * angle) / whole;

        for (size_t i = 0; i < n * stride; i += stride)
                a[i] = (float)(of_a * (double)a[i] + of_b * (double)b[i]);
}

void noise_mix(float *noise, const float *other, double strength, size_t channels, size_t h, size_t w)
{
        for (size_t c = 0; c < channels; c++)
                for (size_t x = 0; x < w; x++)
                        mix_vector(noise + c * h * w + x, other + c * h * w + x, strength, h, w);
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
        if (noise->rng == RNG_PHILOX) {
                philox_normals(noise, ret, n);
                return;
        }
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The weights of attention in bfloat16, where there are instructions for bytes in any order (VBMI). */

#include "engine/kernels/vector.h"

#define LOG2_E 0x1.715476p+0f

#if defined(__AVX512VBMI__) && defined(__AVX512BF16__)
#define WEIGHTS_IN_HALVES

/* 32 of them at once, in 16 bits. With y = 512 (127 + log2 of the weight), a whole number, (y + 2) / 4 would be its bfloat16 if
 * 2^f were 1 + f for the fraction f; what is too much in it, 512 (1 + f - 2^f), comes from a table by the upper 7 bits of f.
 * Off by 0.63 % at most and 0.19 in the root mean square, where rounding to bfloat16 alone would be by 0.39 and 0.16; weights below
 * 2^-127 are 0, and so is what is no number. */
#define WEIGHT_STEPS 512

static const uint8_t weight_excess[128] = {
        0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17,
        18, 19, 19, 20, 21, 22, 23, 24, 25, 26, 26, 27, 28, 29, 30, 30,
        31, 32, 32, 33, 34, 34, 35, 36, 36, 37, 37, 38, 38, 39, 39, 40,
        40, 40, 41, 41, 41, 42, 42, 42, 43, 43, 43, 43, 43, 44, 44, 44,
        44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 43, 43, 43, 43,
        42, 42, 42, 41, 41, 41, 40, 40, 39, 39, 39, 38, 37, 37, 36, 36,
        35, 34, 34, 33, 32, 31, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,
        21, 20, 19, 18, 17, 15, 14, 13, 12, 10, 9, 8, 6, 5, 3, 2,
};

static inline __attribute__((always_inline)) __m512i weights_of(__m512i low, __m512i high)
{
        const __m512i in_order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), each = _mm512_packus_epi32(low, high);
        const __m512i excess = _mm512_maskz_permutex2var_epi8(
                        0x5555555555555555, _mm512_loadu_si512(weight_excess), _mm512_srli_epi16(each, 2),
                        _mm512_loadu_si512(weight_excess + 64));

        return _mm512_permutexvar_epi64(in_order, _mm512_srli_epi16(_mm512_sub_epi16(each, excess), 2));
}

/* x: floats, or whole numbers of 32 bits. */
static inline __attribute__((always_inline)) __m512i weight_steps(Vec x, bool whole, Vec factor, Vec least)
{
        const Vec number = whole ? (Vec)_mm512_cvtepi32_ps((__m512i)x) : x;
        return _mm512_cvtps_epi32((__m512)vec_fma(number, factor, least));
}

/* Where results are at most 1: writes e^(x * scale - top), and returns their sum. */
static inline __attribute__((always_inline)) float exp_sum_as(
                uint16_t *ret, const float *x, size_t n, float scale, float top, bool whole)
{
        const Vec factor = vec_set(scale * LOG2_E * WEIGHT_STEPS),
                  least = vec_set(127 * WEIGHT_STEPS + 2 - top * LOG2_E * WEIGHT_STEPS);
        const __m512bh ones = (__m512bh)_mm512_set1_epi16(0x3f80);
        __m512 sum[2] = {};
        size_t i = 0;

        for (; i + 4 * LANES <= n; i += 4 * LANES)
#pragma GCC unroll 2
                for (size_t j = 0; j < 2; j++) {
                        const float *from = x + i + 2 * j * LANES;
                        const __m512i weights = weights_of(weight_steps(vec_load(from), whole, factor, least),
                                                           weight_steps(vec_load(from + LANES), whole, factor, least));
                        _mm512_storeu_si512(ret + i + 2 * j * LANES, weights);
                        sum[j] = _mm512_dpbf16_ps(sum[j], (__m512bh)weights, ones);
                }
        for (; i < n; i += 2 * LANES) {
                const size_t left = n - i;
                const __mmask32 kept = left < 2 * LANES ? (1u << left) - 1 : ~0u;
                const Vec low = load_at(x, i, n), high = left > LANES ? load_at(x, i + LANES, n) : vec_set(0);
                const __m512i weights = _mm512_maskz_mov_epi16(
                                kept, weights_of(weight_steps(low, whole, factor, least),
                                                 weight_steps(high, whole, factor, least)));
                _mm512_mask_storeu_epi16(ret + i, kept, weights);
                sum[0] = _mm512_dpbf16_ps(sum[0], (__m512bh)weights, ones);
        }
        return vec_sum((Vec)sum[0] + (Vec)sum[1]);
}

#endif

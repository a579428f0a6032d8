/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A vector of floats, as wide as the instruction set that the including file is compiled for. The bodies
 * of the kernels (*.inc.h) are written once in these words. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define LANES 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define LANES 8
#else
#define LANES 4
#endif

typedef float Vec __attribute__((vector_size(LANES * 4)));
typedef int32_t VecInt __attribute__((vector_size(LANES * 4)));
typedef uint32_t VecBits __attribute__((vector_size(LANES * 4)));
typedef int8_t VecBytes __attribute__((vector_size(LANES)));
typedef float VecUnaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t VecIntUnaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline Vec vec_set(float x)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_set1_ps(x);
#elif defined(__AVX2__)
        return (Vec)_mm256_set1_ps(x);
#else
        return (Vec) { x, x, x, x };
#endif
}

static inline Vec vec_load(const float *p)
{
        return *(const VecUnaligned *)p;
}

static inline void vec_store(float *p, Vec v)
{
        *(VecUnaligned *)p = v;
}

/* LANES halves, IEEE 754's or the upper halves of floats (bfloat16); p at multiples of 2. */
static inline Vec vec_load_f16(const uint16_t *p)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
#elif defined(__AVX2__)
        return (Vec)_mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
#else
        /* Exponent and fraction in place, then the difference of the biases as a factor, which also makes
         * subnormal halves normal; infinities and NaNs get the exponent that they lost. */
        VecBits half = { p[0], p[1], p[2], p[3] };
        VecBits magnitude = half & 0x7fff, infinite = (VecBits)(magnitude >= 0x7c00);
        VecBits bits = (VecBits)((Vec)(magnitude << 13) * 0x1p112f);
        return (Vec)(bits | (infinite & 0x7f800000) | (half & 0x8000) << 16);
#endif
}

static inline Vec vec_load_bf16(const uint16_t *p)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)), 16);
#elif defined(__AVX2__)
        return (Vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)), 16);
#else
        VecBits half = { p[0], p[1], p[2], p[3] };
        return (Vec)(half << 16);
#endif
}

/* To bfloat16, rounded to the nearest, halves to even; the first n <= LANES. */
static inline void vec_store_bf16(uint16_t *p, Vec v, size_t n)
{
#if defined(__AVX512BF16__)
        const __m256i halves = (__m256i)_mm512_cvtneps_pbh((__m512)v);
#elif defined(__AVX512F__)
        /* NOLINTNEXTLINE(misc-redundant-expression): only what is no number differs from itself */
        const VecBits bits = (VecBits)v, numbers = (VecBits)(v == v);
        const VecBits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        const __m256i halves = _mm512_cvtepi32_epi16((__m512i)((rounded & numbers) | (0x7fc0 & ~numbers)));
#else
        /* NOLINTNEXTLINE(misc-redundant-expression): only what is no number differs from itself */
        const VecBits bits = (VecBits)v, numbers = (VecBits)(v == v);
        const VecBits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, all = (rounded & numbers) | (0x7fc0 & ~numbers);
        for (size_t i = 0; i < n && i < LANES; i++)
                p[i] = (uint16_t)all[i];
#endif
#if defined(__AVX512F__)
        if (n >= LANES)
                _mm256_storeu_si256((void *)p, halves);
        else
                _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), halves);
#endif
}

/* To bfloat16 as above, a number of `low` and one of `high` beside each other. No NaNs. */
static inline void vec_store_bf16_pairs(void *p, Vec low, Vec high)
{
#if defined(__AVX512BF16__)
        const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low), even = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)),
                      odd = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
        _mm512_storeu_si512(p, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
#else
        const VecBits a = (VecBits)low, b = (VecBits)high;
        const VecBits words = (a + 0x7fff + (a >> 16 & 1)) >> 16 | ((b + 0x7fff + (b >> 16 & 1)) & 0xffff0000);
        memcpy(p, &words, sizeof words);
#endif
}

/* The lowest byte of each; the first n <= LANES. */
static inline void vec_store_bytes(void *p, VecBits v, size_t n)
{
#if defined(__AVX512F__)
        const __m128i bytes = _mm512_cvtepi32_epi8((__m512i)v);

        if (n >= LANES)
                _mm_storeu_si128(p, bytes);
        else
                _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), bytes);
#else
        const VecBytes bytes = __builtin_convertvector(v, VecBytes);
        memcpy(p, &bytes, n < LANES ? n : LANES);
#endif
}

/* The first n < LANES elements; the others are 0. */
static inline Vec vec_load_part(const float *p, size_t n)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
        Vec v = {};
        memcpy(&v, p, n * sizeof *p);
        return v;
#endif
}

static inline void vec_store_part(float *p, Vec v, size_t n)
{
#if defined(__AVX512F__)
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
        memcpy(p, &v, n * sizeof *p);
#endif
}

#define FOR_VECTORS(i, n) for (size_t i = 0; i < (n); i += LANES)

static inline Vec load_at(const float *p, size_t i, size_t n)
{
        return n - i >= LANES ? vec_load(p + i) : vec_load_part(p + i, n - i);
}

static inline void store_at(float *p, Vec v, size_t i, size_t n)
{
        if (n - i >= LANES)
                vec_store(p + i, v);
        else
                vec_store_part(p + i, v, n - i);
}

/* Of floats or of bfloat16, whichever the memory is of. */
static inline __attribute__((always_inline)) Vec load_as(const void *p, size_t i, size_t n, bool halves)
{
        uint16_t last[LANES] = {};
        const uint16_t *from = (const uint16_t *)p + i;

        if (!halves)
                return load_at(p, i, n);
        return vec_load_bf16(n - i >= LANES ? from : memcpy(last, from, (n - i) * sizeof *from));
}

/* To floats or to bfloat16, likewise. */
static inline __attribute__((always_inline)) void store_as(void *p, Vec v, size_t i, size_t n, bool halves)
{
        if (halves)
                vec_store_bf16((uint16_t *)p + i, v, n - i < LANES ? n - i : LANES);
        else
                store_at(p, v, i, n);
}

/* a * b + c */
static inline Vec vec_fma(Vec a, Vec b, Vec c)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
        return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
        return a * b + c;
#endif
}

/* Where one of them is not a number, the result is b. */
static inline Vec vec_max(Vec a, Vec b)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
        return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
        VecInt greater = a > b;
        return (Vec)(((VecInt)a & greater) | ((VecInt)b & ~greater));
#endif
}

static inline Vec vec_min(Vec a, Vec b)
{
#if defined(__AVX512F__)
        return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
        return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
        return -vec_max(-a, -b);
#endif
}

static inline Vec vec_abs(Vec a)
{
        return (Vec)((VecInt)a & 0x7fffffff);
}

/* In a fixed order, whatever the compiler likes. */
static inline float vec_sum(Vec v)
{
        float lanes[LANES];

        vec_store(lanes, v);
        for (size_t width = LANES / 2; width > 0; width /= 2)
                for (size_t i = 0; i < width; i++)
                        lanes[i] += lanes[i + width];
        return lanes[0];
}

static inline float vec_largest(Vec v)
{
#if defined(__AVX512F__)
        return _mm512_reduce_max_ps((__m512)v);
#else
        float largest = v[0];
        for (size_t i = 1; i < LANES; i++)
                largest = v[i] > largest ? v[i] : largest;
        return largest;
#endif
}

/* e^x, 2e-7 relative, for x from -87 to 88; beyond that as at the border (a NaN stays one).
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a minimax polynomial (relative error 3e-9 before rounding). */
static inline Vec vec_exp(Vec x)
{
        x = vec_min(vec_set(88.0f), vec_max(vec_set(-87.0f), x));
        /* Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the lowest bits. */
        Vec shifted = vec_fma(x, vec_set(0x1.715476p+0f), vec_set(12582912.0f));
        Vec n = shifted - 12582912.0f;
        /* ln 2 in two parts, the first of so few bits that its product with n is exact. */
        Vec r = vec_fma(n, vec_set(-0x1.62e400p-1f), x);
        r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);

        Vec p = vec_set(0x1.6db4100p-10f);
        p = vec_fma(p, r, vec_set(0x1.123b460p-7f));
        p = vec_fma(p, r, vec_set(0x1.55545e0p-5f));
        p = vec_fma(p, r, vec_set(0x1.55548e0p-3f));
        p = vec_fma(p, r, vec_set(0.5f));
        p = vec_fma(p * r, r, r) + 1.0f;
        return (Vec)((VecBits)p + ((VecBits)shifted << 23));
}

/* 2^x for what is rounded to bfloat16 afterwards: 3e-6 relative, less than a hundredth of that rounding; x up to 127, and down
 * to where it is 0 (a NaN stays one). With x = n + f, n the integer below: 2^f by a minimax polynomial. */
static inline Vec vec_exp2_short(Vec x)
{
#if defined(__AVX512F__)
        const Vec f = (Vec)_mm512_reduce_ps((__m512)x, _MM_FROUND_TO_NEG_INF);
        Vec p = vec_fma(f, vec_set(0x1.bb7cd4p-7f), vec_set(0x1.aa13f2p-5f));
        p = vec_fma(p, f, vec_set(0x1.ee798ap-3f));
        p = vec_fma(p, f, vec_set(0x1.62d166p-1f));
        p = vec_fma(p, f, vec_set(0x1.00002cp+0f));
        return (Vec)_mm512_scalef_ps((__m512)p, (__m512)x);
#else
        return vec_exp(x * 0x1.62e43p-1f);
#endif
}

/* x * Phi(x). With t = |x|: e^(-t Q(t)) = erfc(t / sqrt 2), Q a polynomial fitted on [0, 8]; 3e-8 absolute
 * times |x|. */
static inline Vec vec_gelu(Vec x)
{
        static const float q[] = { 0.7978845f,      0.31831017f,    0.036333535f,   -0.0047746045f,
                                   -5.2687912e-05f, 0.00023268005f, -7.01113e-05f,  1.2177402e-05f,
                                   -1.3190271e-06f, 8.198885e-08f,  -2.2054445e-09f };
        Vec t = vec_min(vec_abs(x), vec_set(8.0f));
        Vec p = vec_set(q[10]);

        for (int i = 9; i >= 0; i--)
                p = vec_fma(p, t, vec_set(q[i]));
        Vec upper = vec_exp(-(t * p)) * 0.5f; /* 1 - Phi(t) */
        return vec_fma(-vec_abs(x), upper, vec_max(vec_set(0.0f), x));
}

/* The same for what is rounded to bfloat16 afterwards: with t = |x|, 1 - Phi(t) = 2^(Q(t) - 1), Q a polynomial fitted on
 * [0, 6.5], and lower beyond; 6e-4 relative, a third of that rounding at most. */
static inline Vec vec_gelu_short(Vec x)
{
        const Vec t = vec_abs(x);
        Vec p = vec_fma(t, vec_set(-1.82162058e-4f), vec_set(4.22591666e-3f));

        p = vec_fma(p, t, vec_set(-4.18916804e-2f));
        p = vec_fma(p, t, vec_set(-4.73866120e-1f));
        p = vec_fma(p, t, vec_set(-1.14474934f));
        p = vec_fma(p, t, vec_set(-1.0f));
        return vec_fma(-t, vec_exp2_short(p), vec_max(vec_set(0.0f), x));
}

static inline Vec vec_silu(Vec x)
{
        return x / (vec_exp(-x) + 1.0f);
}

static inline Vec vec_quick_gelu(Vec x)
{
        return x / (vec_exp(x * -1.702f) + 1.0f);
}

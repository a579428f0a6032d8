/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)

/* Scores of attention from bytes, with VNNI; their weights are bfloat16. */

#include "engine/kernels/tables.h"
#include "engine/kernels/weights.h"

#define GROUP 4
typedef __m512i Groups;

/* The signed bytes are those of the rows. In assembler, since some compilers copy the sums back and forth around the intrinsic. */
static inline __attribute__((always_inline)) Groups multiply_groups(Groups acc, Groups a, Groups b)
{
        __asm__("vpdpbusd %1, %2, %0" : "+v"(acc) : "v"(a), "v"(b));
        return acc;
}

static inline Groups add_groups(Groups a, Groups b)
{
        return _mm512_add_epi32(a, b);
}

#include "engine/kernels/product-groups.inc.h"

static const Products score_products = { .name = "avx512-vnni", .precision = PRECISION_INT8, GROUP_PRODUCTS };

static void key_ranges(const void *keys, size_t tokens, size_t stride, size_t n, float *ret_least, float *ret_most)
{
        for (size_t token = 0; token < tokens; token++)
                FOR_VECTORS(i, n)
                {
                        const Vec x = load_as((const uint16_t *)keys + token * stride, i, n, true);
                        store_at(ret_least, token > 0 ? vec_min(x, load_at(ret_least, i, n)) : x, i, n);
                        store_at(ret_most, token > 0 ? vec_max(x, load_at(ret_most, i, n)) : x, i, n);
                }
}

static void quantise_key(uint8_t *ret, const void *key, size_t n, const float *least, const float *inverses)
{
        FOR_VECTORS(i, n)
        {
                Vec x = (load_as(key, i, n, true) - load_at(least, i, n)) * load_at(inverses, i, n);
                x = vec_min(vec_set(255), vec_max(x, vec_set(0)));
                vec_store_bytes(ret + i, (VecBits)(x + 12582912.0f), n - i);
        }
}

static float quantise_query(int8_t *ret, const void *query, size_t n, const float *factors, bool halves)
{
        Vec most = {};

        FOR_VECTORS(i, n)
                most = vec_max(vec_abs(load_as(query, i, n, halves) * load_at(factors, i, n)), most);
        const float largest = vec_largest(most), inverse = largest > 0 ? 127 / largest : 0;
        FOR_VECTORS(i, n)
        {
                const Vec x = load_as(query, i, n, halves) * load_at(factors, i, n) * inverse;
                vec_store_bytes(ret + i, (VecBits)(x + 12582912.0f), n - i);
        }
        return largest / 127;
}

static int32_t largest_score(const float *scores, size_t n)
{
        VecInt top[4];
        size_t i = 0;

        for (size_t j = 0; j < 4; j++)
                top[j] = (VecInt)_mm512_set1_epi32(INT32_MIN);
        for (; i + 4 * LANES <= n; i += 4 * LANES)
                for (size_t j = 0; j < 4; j++)
                        top[j] = (VecInt)_mm512_max_epi32((__m512i)top[j], _mm512_loadu_si512(scores + i + j * LANES));
        for (; i < n; i += LANES) {
                const __mmask16 kept = n - i < LANES ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
                const __m512i x = _mm512_mask_loadu_epi32((__m512i)top[0], kept, scores + i);
                top[0] = (VecInt)_mm512_max_epi32((__m512i)top[0], x);
        }
        return _mm512_reduce_max_epi32(_mm512_max_epi32(_mm512_max_epi32((__m512i)top[0], (__m512i)top[1]),
                                                        _mm512_max_epi32((__m512i)top[2], (__m512i)top[3])));
}

static float exp_sum_scores(uint16_t *ret, const float *scores, size_t n, float scale, float top)
{
        return exp_sum_as(ret, scores, n, scale, top, true);
}

const ByteScores vnni_scores = {
        .products = &score_products,
        .key_ranges = key_ranges,
        .quantise_key = quantise_key,
        .quantise_query = quantise_query,
        .largest = largest_score,
        .exp_sum = exp_sum_scores,
};

#endif

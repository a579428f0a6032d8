/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The transformations of Winograd's minimal filtering F(4x4, 3x3) (Lavin, Gray 2015, "Fast Algorithms for Convolutional Neural
 * Networks"): Y = A'((G g G') * (B' d B))A, * position by position. Included once by each kernels-ISA.c.
 *
 * Polynomials are multiplied by their values at 0, a, -a, b, -b and infinity. With a = 5/8 and b = 3/2 the error is less than half of
 * that with the usual 1 and 2 (bfloat16, normally distributed numbers: 39 dB instead of 32), and all that is multiplied with
 * inputs and sums is exact in float32. */

#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"

#define WINOGRAD_A 0.625f
#define WINOGRAD_B 1.5f
#define WINOGRAD_A2 (WINOGRAD_A * WINOGRAD_A)
#define WINOGRAD_B2 (WINOGRAD_B * WINOGRAD_B)

/* B' times one line. */
static inline __attribute__((always_inline)) void winograd_input_line(Vec *ret, const Vec *d)
{
        const Vec a = vec_set(WINOGRAD_A), b = vec_set(WINOGRAD_B), a2 = vec_set(-WINOGRAD_A2), b2 = vec_set(-WINOGRAD_B2),
                  product = vec_set(WINOGRAD_A2 * WINOGRAD_B2), sum = vec_set(-WINOGRAD_A2 - WINOGRAD_B2);
        const Vec even_a = vec_fma(d[2], b2, d[4]), odd_a = vec_fma(d[1], b2, d[3]);
        const Vec even_b = vec_fma(d[2], a2, d[4]), odd_b = vec_fma(d[1], a2, d[3]);

        ret[0] = vec_fma(d[0], product, vec_fma(d[2], sum, d[4]));
        ret[1] = vec_fma(odd_a, a, even_a);
        ret[2] = vec_fma(odd_a, -a, even_a);
        ret[3] = vec_fma(odd_b, b, even_b);
        ret[4] = vec_fma(odd_b, -b, even_b);
        ret[5] = vec_fma(d[1], product, vec_fma(d[3], sum, d[5]));
}

/* G times one line. */
static inline __attribute__((always_inline)) void winograd_weight_line(Vec *ret, const Vec *g)
{
        const float scale_a = 1 / (2 * WINOGRAD_A2 * (WINOGRAD_A2 - WINOGRAD_B2)),
                    scale_b = 1 / (2 * WINOGRAD_B2 * (WINOGRAD_B2 - WINOGRAD_A2));
        const Vec even_a = (g[0] + g[2] * WINOGRAD_A2) * scale_a, even_b = (g[0] + g[2] * WINOGRAD_B2) * scale_b;
        const Vec odd_a = vec_set(WINOGRAD_A * scale_a), odd_b = vec_set(WINOGRAD_B * scale_b);

        ret[0] = g[0] * (1 / (WINOGRAD_A2 * WINOGRAD_B2));
        ret[1] = vec_fma(g[1], odd_a, even_a);
        ret[2] = vec_fma(g[1], -odd_a, even_a);
        ret[3] = vec_fma(g[1], odd_b, even_b);
        ret[4] = vec_fma(g[1], -odd_b, even_b);
        ret[5] = g[2];
}

/* A' times one line. */
static inline __attribute__((always_inline)) void winograd_output_line(Vec *ret, const Vec *m)
{
        const Vec even_a = m[1] + m[2], odd_a = (m[1] - m[2]) * WINOGRAD_A;
        const Vec even_b = m[3] + m[4], odd_b = (m[3] - m[4]) * WINOGRAD_B;
        const Vec a2 = vec_set(WINOGRAD_A2), b2 = vec_set(WINOGRAD_B2);

        ret[0] = m[0] + (even_a + even_b);
        ret[1] = odd_a + odd_b;
        ret[2] = vec_fma(even_a, a2, even_b * WINOGRAD_B2);
        ret[3] = vec_fma(odd_a, a2, vec_fma(odd_b, b2, m[5]));
}

static inline __attribute__((always_inline)) void winograd_inputs_as(
                void *ret, size_t stride, const void *const *pixels, size_t n, bool halves, bool to_halves)
{
        FOR_VECTORS(c, n)
        {
                Vec lines[WINOGRAD_INPUT][WINOGRAD_INPUT];

                for (size_t x = 0; x < WINOGRAD_INPUT; x++) {
                        Vec d[WINOGRAD_INPUT], v[WINOGRAD_INPUT];
#pragma GCC unroll 6
                        for (size_t y = 0; y < WINOGRAD_INPUT; y++)
                                d[y] = load_as(pixels[y * WINOGRAD_INPUT + x], c, n, halves);
                        winograd_input_line(v, d);
#pragma GCC unroll 6
                        for (size_t y = 0; y < WINOGRAD_INPUT; y++)
                                lines[y][x] = v[y];
                }
                char *to = ret;
                for (size_t y = 0; y < WINOGRAD_INPUT; y++) {
                        Vec v[WINOGRAD_INPUT];

                        winograd_input_line(v, lines[y]);
#pragma GCC unroll 6
                        for (size_t x = 0; x < WINOGRAD_INPUT; x++, to += stride)
                                store_as(to, v[x], c, n, to_halves);
                }
        }
}

static void winograd_inputs(
                void *ret, size_t stride, const void *const *pixels, size_t n, bool halves, bool to_halves)
{
        if (halves && to_halves)
                winograd_inputs_as(ret, stride, pixels, n, true, true);
        else if (halves)
                winograd_inputs_as(ret, stride, pixels, n, true, false);
        else if (to_halves)
                winograd_inputs_as(ret, stride, pixels, n, false, true);
        else
                winograd_inputs_as(ret, stride, pixels, n, false, false);
}

static inline __attribute__((always_inline)) Vec load_weights(const void *p, size_t i, WeightType type)
{
        switch (type) {
        case WEIGHT_F16:
                return vec_load_f16((const uint16_t *)p + i);
        case WEIGHT_BF16:
                return vec_load_bf16((const uint16_t *)p + i);
        default:
                return vec_load((const float *)p + i);
        }
}

/* G g G' of each lane's nine weights. */
static inline __attribute__((always_inline)) void winograd_weight_positions(Vec *ret, const Vec *taps)
{
        Vec lines[WINOGRAD_INPUT][3];

#pragma GCC unroll 3
        for (size_t x = 0; x < 3; x++) {
                const Vec g[3] = { taps[x], taps[3 + x], taps[6 + x] };
                Vec u[WINOGRAD_INPUT];

                winograd_weight_line(u, g);
#pragma GCC unroll 6
                for (size_t y = 0; y < WINOGRAD_INPUT; y++)
                        lines[y][x] = u[y];
        }
#pragma GCC unroll 6
        for (size_t y = 0; y < WINOGRAD_INPUT; y++)
                winograd_weight_line(ret + y * WINOGRAD_INPUT, lines[y]);
}

static inline __attribute__((always_inline)) void winograd_weights_as(
                void *ret, size_t stride, const void *taps, size_t tap_stride, size_t n, WeightType type, bool to_halves)
{
        FOR_VECTORS(i, n)
        {
                Vec g[9], u[WINOGRAD_POSITIONS];

#pragma GCC unroll 9
                for (size_t tap = 0; tap < 9; tap++)
                        g[tap] = load_weights((const char *)taps + tap * tap_stride, i, type);
                winograd_weight_positions(u, g);
#pragma GCC unroll 36
                for (size_t position = 0; position < WINOGRAD_POSITIONS; position++)
                        store_as((char *)ret + position * stride, u[position], i, n, to_halves);
        }
}

static void winograd_weights(
                void *ret, size_t stride, const void *taps, size_t tap_stride, size_t n, WeightType type, bool to_halves)
{
        if (to_halves)
                winograd_weights_as(ret, stride, taps, tap_stride, n, WEIGHT_BF16, true);
        else if (type == WEIGHT_F16)
                winograd_weights_as(ret, stride, taps, tap_stride, n, WEIGHT_F16, false);
        else if (type == WEIGHT_BF16)
                winograd_weights_as(ret, stride, taps, tap_stride, n, WEIGHT_BF16, false);
        else
                winograd_weights_as(ret, stride, taps, tap_stride, n, WEIGHT_F32, false);
}

/* Element e of each group of four bytes. */
static inline __attribute__((always_inline)) Vec winograd_byte(const void *groups, unsigned e)
{
        VecBits words;

        memcpy(&words, groups, sizeof words);
        return __builtin_convertvector((VecInt)(words << (24 - 8 * e)) >> 24, Vec);
}

static void winograd_weights_of_bytes(
                void *ret, size_t stride, const void *taps, size_t tap_stride, size_t n, size_t width, const float *factors)
{
        for (size_t i = 0; i < n; i += 4 * LANES) {
                const Vec factor = vec_load(factors + i / 4 % width);

                for (unsigned pair = 0; pair < 2; pair++) {
                        Vec u[2][WINOGRAD_POSITIONS];

                        for (unsigned e = 0; e < 2; e++) {
                                Vec g[9];
                                for (size_t tap = 0; tap < 9; tap++)
                                        g[tap] = winograd_byte((const char *)taps + tap * tap_stride + i, 2 * pair + e) * factor;
                                winograd_weight_positions(u[e], g);
                        }
                        const size_t word = i / 4 / width * 2 * width + pair * width + i / 4 % width;
                        for (size_t position = 0; position < WINOGRAD_POSITIONS; position++)
                                vec_store_bf16_pairs(
                                                (char *)ret + position * stride + word * sizeof(float), u[0][position],
                                                u[1][position]);
                }
        }
}

static void winograd_outputs(float *ret, size_t row, size_t pixel, const float *sums, size_t stride, size_t n)
{
        FOR_VECTORS(j, n)
        {
                Vec lines[WINOGRAD_OUTPUT][WINOGRAD_INPUT];

                for (size_t x = 0; x < WINOGRAD_INPUT; x++) {
                        Vec m[WINOGRAD_INPUT], y[WINOGRAD_OUTPUT];
#pragma GCC unroll 6
                        for (size_t i = 0; i < WINOGRAD_INPUT; i++)
                                m[i] = vec_load(sums + (i * WINOGRAD_INPUT + x) * stride + j);
                        winograd_output_line(y, m);
#pragma GCC unroll 4
                        for (size_t i = 0; i < WINOGRAD_OUTPUT; i++)
                                lines[i][x] = y[i];
                }
                for (size_t y = 0; y < WINOGRAD_OUTPUT; y++) {
                        Vec out[WINOGRAD_OUTPUT];

                        winograd_output_line(out, lines[y]);
#pragma GCC unroll 4
                        for (size_t x = 0; x < WINOGRAD_OUTPUT; x++)
                                vec_store(ret + y * row + x * pixel + j, out[x]);
                }
        }
}

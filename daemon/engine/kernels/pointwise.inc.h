/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to each number by itself. Included once by each kernels-ISA.c. */

#include "engine/kernels/blocks.inc.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"
#include "engine/kernels/weights.h"

static inline __attribute__((always_inline)) Vec finish_vector(Vec x, Finish finish)
{
        switch (finish) {
        case FINISH_SILU:
                return vec_silu(x);
        case FINISH_GELU:
                return vec_gelu(x);
        case FINISH_QUICK_GELU:
                return vec_quick_gelu(x);
        default:
                return x;
        }
}

/* A vector of sums; those of bytes become floats. */
static inline __attribute__((always_inline)) Vec sums_at(
                const float *sums, size_t j, const ByteScale *scale, const Output *o)
{
        const Vec sum = vec_load(sums + j);

        if (!scale)
                return sum;
        const VecInt whole = (VecInt)sum - scale->zero * *(const VecIntUnaligned *)(o->column_sums + j);
        return __builtin_convertvector(whole, Vec) * (scale->factor * vec_load(o->column_factors + j));
}

static inline __attribute__((always_inline)) void finish_rows(
                const float *sums, size_t sums_stride, size_t m, size_t n, size_t half, Finish finish,
                bool halves, const Output *o)
{
        const float *bias = o->bias, *residual = o->residual;
        const ByteScale *scale = o->scales;
        const size_t step = o->stride * (halves ? sizeof(uint16_t) : sizeof(float));
        char *out = o->data;

        for (size_t row = 0; row < m; row++, sums += sums_stride, out += step) {
                FOR_VECTORS(j, n)
                {
                        Vec x = sums_at(sums, j, scale, o);
                        if (bias)
                                x += vec_load(bias + j);
                        if (finish == FINISH_GEGLU) {
                                Vec gate = sums_at(sums, half + j, scale, o);
                                if (bias)
                                        gate += vec_load(bias + half + j);
                                x *= halves ? vec_gelu_short(gate) : vec_gelu(gate);
                        } else if (finish == FINISH_PRELU) {
                                Vec positive = vec_max(x, vec_set(0));
                                x = positive + (x - positive) * vec_load(o->slopes + j);
                        } else
                                x = finish_vector(x, finish);
                        if (residual)
                                x += load_at(residual, j, n);
                        store_as(out, x, j, n, halves);
                }
                if (residual)
                        residual += o->stride;
                if (scale)
                        scale++;
        }
}

/* One copy of the loop for each way to finish: the choice is made here, not at every vector. */
static inline __attribute__((always_inline)) void finish_panel_as(
                const float *sums, size_t sums_stride, size_t m, size_t n, size_t width, bool halves,
                const Output *output)
{
        switch (output->finish) {
        case FINISH_PLAIN:
                finish_rows(sums, sums_stride, m, n, 0, FINISH_PLAIN, halves, output);
                break;
        case FINISH_SILU:
                finish_rows(sums, sums_stride, m, n, 0, FINISH_SILU, halves, output);
                break;
        case FINISH_GELU:
                finish_rows(sums, sums_stride, m, n, 0, FINISH_GELU, halves, output);
                break;
        case FINISH_QUICK_GELU:
                finish_rows(sums, sums_stride, m, n, 0, FINISH_QUICK_GELU, halves, output);
                break;
        case FINISH_PRELU:
                finish_rows(sums, sums_stride, m, n, 0, FINISH_PRELU, halves, output);
                break;
        case FINISH_GEGLU:
                finish_rows(sums, sums_stride, m, n, width / 2, FINISH_GEGLU, halves, output);
                break;
        }
}

static void finish_panel(
                const float *sums, size_t sums_stride, size_t m, size_t n, size_t width,
                const Output *output)
{
        if (output->halves)
                finish_panel_as(sums, sums_stride, m, n, width, true, output);
        else
                finish_panel_as(sums, sums_stride, m, n, width, false, output);
}

static void widen_halves(float *ret, const uint16_t *halves, size_t n, WeightType type)
{
        uint16_t last[LANES] = {};

        FOR_VECTORS(i, n)
        {
                const uint16_t *p = halves + i;
                if (n - i < LANES)
                        p = memcpy(last, p, (n - i) * sizeof *p);
                store_at(ret, type == WEIGHT_F16 ? vec_load_f16(p) : vec_load_bf16(p), i, n);
        }
}

static void widen(float *ret, const void *weights, size_t n, WeightType type)
{
        switch (type) {
        case WEIGHT_F32:
                memcpy(ret, weights, n * sizeof *ret);
                break;
        case WEIGHT_F16:
                widen_halves(ret, weights, n, WEIGHT_F16);
                break;
        case WEIGHT_BF16:
                widen_halves(ret, weights, n, WEIGHT_BF16);
                break;
        default:
                widen_blocks(ret, weights, n, type);
                break;
        }
}

static void widen_panel(float *ret, const void *panel, size_t first, size_t rows, size_t width, WeightType type)
{
        if (weight_has_blocks(type))
                widen_panel_blocks(ret, panel, first, rows, width, type);
        else
                widen(ret, (const char *)panel + weight_bytes(type, first * width), rows * width, type);
}

static void narrow(uint16_t *ret, const float *x, size_t n)
{
        FOR_VECTORS(i, n)
                store_as(ret, load_at(x, i, n), i, n, true);
}

static inline __attribute__((always_inline)) void range_as(
                const void *x, size_t n, bool halves, float *ret_least, float *ret_most)
{
        Vec low[4] = {}, high[4] = {}; /* four chains, for each waits for itself */
        size_t i = 0;

        for (; i + 4 * LANES <= n; i += 4 * LANES)
                for (size_t j = 0; j < 4; j++) {
                        const Vec v = load_as(x, i + j * LANES, n, halves);
                        low[j] = vec_min(v, low[j]);
                        high[j] = vec_max(v, high[j]);
                }
        for (; i < n; i += LANES) {
                const Vec v = load_as(x, i, n, halves);
                low[0] = vec_min(v, low[0]);
                high[0] = vec_max(v, high[0]);
        }
        *ret_least = -vec_largest(-vec_min(vec_min(low[0], low[1]), vec_min(low[2], low[3])));
        *ret_most = vec_largest(vec_max(vec_max(high[0], high[1]), vec_max(high[2], high[3])));
}

static void range(const void *x, size_t n, bool halves, float *ret_least, float *ret_most)
{
        if (halves)
                range_as(x, n, true, ret_least, ret_most);
        else
                range_as(x, n, false, ret_least, ret_most);
}

/* Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the lowest bits. */
static inline __attribute__((always_inline)) void quantise_as(
                uint8_t *ret, const void *x, size_t n, bool halves, ByteScale scale)
{
        const Vec inverse = vec_set(scale.factor > 0 ? 1 / scale.factor : 0), zero = vec_set((float)scale.zero);

        FOR_VECTORS(i, n)
        {
                Vec v = vec_fma(load_as(x, i, n, halves), inverse, zero);
                v = vec_min(vec_set(255), vec_max(v, vec_set(0)));
                vec_store_bytes(ret + i, (VecBits)(v + 12582912.0f), n - i);
        }
}

static void quantise(uint8_t *ret, const void *x, size_t n, bool halves, ByteScale scale)
{
        if (halves)
                quantise_as(ret, x, n, true, scale);
        else
                quantise_as(ret, x, n, false, scale);
}

static int32_t quantise_weights(int8_t *ret, const float *x, size_t n, float factor)
{
        const Vec inverse = vec_set(factor > 0 ? 1 / factor : 0);
        VecInt sum = {};
        int32_t all = 0;

        FOR_VECTORS(i, n)
        {
                Vec v = load_at(x, i, n) * inverse;
                v = vec_min(vec_set(127), vec_max(v, vec_set(-127)));
                const VecInt numbers = (VecInt)(v + 12582912.0f) - 0x4b400000;
                vec_store_bytes(ret + i, (VecBits)numbers, n - i);
                sum += numbers; /* 0 beyond the end */
        }
        for (size_t j = 0; j < LANES; j++)
                all += sum[j];
        return all;
}

static void dequantise(
                float *sums, size_t n, ByteScale scale, const float *column_factors, const int32_t *column_sums)
{
        for (size_t i = 0; i < n; i++) {
                int32_t sum;
                memcpy(&sum, sums + i, sizeof sum);
                sums[i] = (float)(sum - scale.zero * column_sums[i]) * (scale.factor * column_factors[i]);
        }
}

static float exp_sum(float *x, size_t n, float scale, float top)
{
        Vec sum = {};

        FOR_VECTORS(i, n)
        {
                Vec e = vec_exp(vec_fma(load_at(x, i, n), vec_set(scale), vec_set(-top)));
                store_at(x, e, i, n);
                sum += n - i >= LANES ? e : load_at(x, i, n); /* nothing beyond the end */
        }
        return vec_sum(sum);
}

#if defined(WEIGHTS_IN_HALVES)

static float exp_sum_halves(uint16_t *ret, const float *x, size_t n, float scale, float top)
{
        return exp_sum_as(ret, x, n, scale, top, false);
}

#else

/* Two chains of sums, for an addition takes longer than all else does here. */
static float exp_sum_halves(uint16_t *ret, const float *x, size_t n, float scale, float top)
{
        const Vec factor = vec_set(scale * LOG2_E), least = vec_set(-top * LOG2_E);
        Vec sum[2] = {};
        size_t i = 0;

        for (; i + 2 * LANES <= n; i += 2 * LANES)
                for (size_t j = 0; j < 2; j++) {
                        Vec e = vec_exp2_short(vec_fma(vec_load(x + i + j * LANES), factor, least));
                        vec_store_bf16(ret + i + j * LANES, e, LANES);
                        sum[j] += e;
                }
        for (; i < n; i += LANES) {
                const size_t left = n - i < LANES ? n - i : LANES;
                float rest[LANES] = {};
                Vec e = vec_exp2_short(vec_fma(load_at(x, i, n), factor, least));
                vec_store_bf16(ret + i, e, left);
                store_at(rest, e, 0, left); /* nothing beyond the end */
                sum[0] += vec_load(rest);
        }
        return vec_sum(sum[0] + sum[1]);
}

#endif

/* Four chains, for each waits for itself. */
static float maximum(const float *x, size_t n)
{
        Vec top[4];
        size_t i = 0;

        for (size_t j = 0; j < 4; j++)
                top[j] = vec_set(x[0]);
        for (; i + 4 * LANES <= n; i += 4 * LANES)
                for (size_t j = 0; j < 4; j++)
                        top[j] = vec_max(top[j], vec_load(x + i + j * LANES));
        for (; i + LANES <= n; i += LANES)
                top[0] = vec_max(top[0], vec_load(x + i));
        float largest = vec_largest(vec_max(vec_max(top[0], top[1]), vec_max(top[2], top[3])));
        for (; i < n; i++)
                largest = x[i] > largest ? x[i] : largest;
        return largest;
}

static void scale(float *x, size_t n, float factor)
{
        FOR_VECTORS(i, n)
                store_at(x, load_at(x, i, n) * factor, i, n);
}

static void add(float *out, const float *a, const float *b, size_t n)
{
        FOR_VECTORS(i, n)
                store_at(out, load_at(a, i, n) + load_at(b, i, n), i, n);
}

static void activate(float *out, const float *x, size_t n, Finish finish)
{
        FOR_VECTORS(i, n)
                store_at(out, finish_vector(load_at(x, i, n), finish), i, n);
}

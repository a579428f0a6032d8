/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Means, variances, and what is done with them. Included once by each kernels-ISA.c.
 *
 * Squared differences are taken from the mean of the rows at hand, never as a difference of large sums, so
 * that a mean far from zero costs no digits. */

#include <math.h>

#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"

static float sum_of(const float *x, size_t n)
{
        Vec sum = {};
        FOR_VECTORS(i, n)
                sum += load_at(x, i, n);
        return vec_sum(sum);
}

static void moments(
                const float *x, size_t rows, size_t channels, size_t groups, float *ret_means,
                float *ret_squares, float *scratch)
{
        const size_t group = channels / groups;

        memset(scratch, 0, channels * sizeof *scratch);
        for (size_t row = 0; row < rows; row++)
                add(scratch, scratch, x + row * channels, channels);
        for (size_t g = 0; g < groups; g++) {
                ret_means[g] = sum_of(scratch + g * group, group) / (float)(rows * group);
                for (size_t i = 0; i < group; i++)
                        scratch[g * group + i] = ret_means[g];
        }

        memset(ret_squares, 0, groups * sizeof *ret_squares);
        /* Channel by channel strips: one vector of sums each, and the means beside them. */
        FOR_VECTORS(c, channels)
        {
                Vec mean = load_at(scratch, c, channels), squares = {};
                for (size_t row = 0; row < rows; row++) {
                        Vec difference = load_at(x + row * channels, c, channels) - mean;
                        squares = vec_fma(difference, difference, squares);
                }
                float lanes[LANES];
                vec_store(lanes, squares);
                for (size_t i = 0; i < LANES && c + i < channels; i++)
                        ret_squares[(c + i) / group] += lanes[i];
        }
}

static inline __attribute__((always_inline)) void normalise_rows(
                void *out, const float *x, size_t rows, size_t channels, const float *mean,
                const float *factor, const float *shift, bool silu, bool halves)
{
        const size_t step = channels * (halves ? sizeof(uint16_t) : sizeof(float));
        char *to = out;

        for (size_t row = 0; row < rows; row++, x += channels, to += step)
                FOR_VECTORS(c, channels)
                {
                        Vec y = load_at(x, c, channels) - load_at(mean, c, channels);
                        y = vec_fma(y, load_at(factor, c, channels), load_at(shift, c, channels));
                        store_as(to, silu ? vec_silu(y) : y, c, channels, halves);
                }
}

static void normalise(
                void *out, const float *x, size_t rows, size_t channels, const float *mean,
                const float *factor, const float *shift, bool silu, bool halves)
{
        if (halves && silu)
                normalise_rows(out, x, rows, channels, mean, factor, shift, true, true);
        else if (halves)
                normalise_rows(out, x, rows, channels, mean, factor, shift, false, true);
        else if (silu)
                normalise_rows(out, x, rows, channels, mean, factor, shift, true, false);
        else
                normalise_rows(out, x, rows, channels, mean, factor, shift, false, false);
}

/* 1 / sqrt(variance + eps) of a row. */
static float spread_factor(const float *x, size_t channels, float mean, float eps)
{
        Vec squares = {};

        FOR_VECTORS(c, channels)
        {
                Vec d = load_at(x, c, channels) - mean;
                if (channels - c < LANES) { /* what lies beyond the end must not count */
                        Vec kept = {};
                        memcpy(&kept, &d, (channels - c) * sizeof(float));
                        d = kept;
                }
                squares = vec_fma(d, d, squares);
        }
        return 1.0f / sqrtf(vec_sum(squares) / (float)channels + eps);
}

static void layer_norm(
                void *out, const float *x, size_t rows, size_t channels, const float *gamma,
                const float *beta, float eps, bool halves)
{
        const size_t step = channels * (halves ? sizeof(uint16_t) : sizeof(float));
        char *to = out;

        for (size_t row = 0; row < rows; row++, x += channels, to += step) {
                const float mean = sum_of(x, channels) / (float)channels;
                const float factor = spread_factor(x, channels, mean, eps);

                FOR_VECTORS(c, channels)
                {
                        Vec y = (load_at(x, c, channels) - mean) * factor;
                        y = vec_fma(y, load_at(gamma, c, channels), load_at(beta, c, channels));
                        store_as(to, y, c, channels, halves);
                }
        }
}

static void layer_norm_bytes(
                uint8_t *out, ByteScale *ret_scales, const float *x, size_t rows, size_t channels, const float *gamma,
                const float *beta, float eps, float *scratch)
{
        for (size_t row = 0; row < rows; row++, x += channels, out += channels) {
                float least, most;

                layer_norm(scratch, x, 1, channels, gamma, beta, eps, false);
                range(scratch, channels, false, &least, &most);
                ret_scales[row] = byte_scale_of(least, most);
                quantise(out, scratch, channels, false, ret_scales[row]);
        }
}

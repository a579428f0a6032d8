/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the operations on tensors share. Every operation is held against the plainest C that says the same in
 * double, over odd shapes, and run with 1, 2 and 3 threads, which must give the same bytes. */

#include "engine/kernels/blas.h"
#include "engine/tensor/compute.h"
#include "engine/tensor/matrix.h"
#include "tests/engine/numbers.h"

#define THREADS_MAX 3

static inline Compute compute_for_test(unsigned threads)
{
        Compute c = { .threads = threads, .arena = arena_new(0) };
        assert_non_null(c.arena);
        return c;
}

static inline Tensor random_tensor(Compute *c, uint32_t n, uint32_t h, uint32_t w, uint32_t channels, uint32_t seed)
{
        Tensor t = compute_tensor(c, n, h, w, channels);
        Numbers numbers = { seed };

        assert_non_null(t.data);
        for (size_t i = 0; i < tensor_elements(&t); i++)
                t.data[i] = number(&numbers);
        return t;
}

static inline void assert_same(const Tensor *a, const Tensor *b)
{
        assert_memory_equal(a->data, b->data, tensor_elements(a) * sizeof *a->data);
}

static inline void assert_tensor_near(const Tensor *got, const double *wanted, double tolerance)
{
        double worst = 0, largest = 0;

        for (size_t i = 0; i < tensor_elements(got); i++) {
                double d = fabs(got->data[i] - wanted[i]);
                worst = d <= worst ? worst : d;
                largest = fmax(largest, fabs(wanted[i]));
        }
        if (!(worst <= tolerance * largest))
                fail_msg("off by %.2e of the largest value", worst / largest);
}

static inline Matrix pack_as(
                Compute *c, Precision precision, uint32_t n, uint32_t k, uint32_t taps, bool gated, const float *weights,
                const float *bias)
{
        MatrixSource source = { .precision = precision,
                                .n = n,
                                .k = k,
                                .taps = taps,
                                .gated = gated,
                                .type = WEIGHT_F32,
                                .weights = weights,
                                .bias = bias };
        Matrix matrix;

        assert_true(matrix_pack(&matrix, c->arena, &source));
        return matrix;
}

static inline Matrix pack(
                Compute *c, uint32_t n, uint32_t k, uint32_t taps, bool gated, const float *weights,
                const float *bias)
{
        return pack_as(c, PRECISION_F32, n, k, taps, gated, weights, bias);
}

/* What a product in that precision may be off by: bytes have 1 part in 254 of the largest number on either side. */
static inline double tolerance_of(Precision precision)
{
        return precision == PRECISION_INT8 ? 1.5e-2 : 2e-6;
}

/* Numbers that the precision can tell apart, so that nothing but the sums' rounding is left to differ. */
static inline void round_numbers(Precision precision, float *numbers, size_t n)
{
        for (size_t i = 0; precision != PRECISION_F32 && i < n; i++)
                numbers[i] = to_bf16(numbers[i]);
}

/* Calls test() for each precision that the kernels in force have. */
static inline void for_each_precision(const Kernels *kernels, void (*test)(Precision precision))
{
        for (Precision precision = PRECISION_F32; precision < PRECISION_MAX; precision++)
                if (kernels->products[precision])
                        test(precision);
}

static inline Tensor rounded_tensor(Compute *c, const Tensor *x)
{
        Tensor t = compute_tensor_of(c, TENSOR_BF16, x->n, x->h, x->w, x->c);

        assert_non_null(t.data);
        for (size_t i = 0; i < tensor_elements(x); i++) {
                float rounded = to_bf16(x->data[i]);
                memcpy(tensor_at(&t, i), (char *)&rounded + 2, sizeof(uint16_t));
        }
        return t;
}

static inline Tensor widened_tensor(Compute *c, const Tensor *x)
{
        Tensor t = compute_tensor(c, x->n, x->h, x->w, x->c);

        assert_non_null(t.data);
        for (size_t i = 0; i < tensor_elements(x); i++) {
                uint16_t half;
                memcpy(&half, tensor_at(x, i), sizeof half);
                uint32_t bits = (uint32_t)half << 16;
                memcpy(t.data + i, &bits, sizeof bits);
        }
        return t;
}

/* The main of a program whose tests compute with BLAS. */
#define run_blas_tests(argv, tests) (blas_ensure_core(argv) < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL))

/* The picture moved around its ring. */
static inline Tensor rolled(Compute *c, const Tensor *t, uint32_t dy, uint32_t dx)
{
        Tensor ret = compute_tensor(c, t->n, t->h, t->w, t->c);

        for (size_t y = 0; y < t->h; y++)
                for (size_t x = 0; x < t->w; x++)
                        memcpy(ret.data + (((y + dy) % t->h) * t->w + (x + dx) % t->w) * t->c,
                               t->data + (y * t->w + x) * t->c, t->c * sizeof(float));
        return ret;
}

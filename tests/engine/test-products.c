/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products of matrices, and convolutions, which are products too. */

#include "engine/tensor/convolution.h"
#include "tests/engine/tensors.h"

static void linear_in_double(
                const Tensor *x, const float *weights, const float *bias, const Tensor *residual, uint32_t n,
                bool gated, double *ret)
{
        for (size_t row = 0; row < tensor_rows(x); row++)
                for (uint32_t j = 0; j < n; j++) {
                        double value = bias ? bias[j] : 0, gate = bias && gated ? bias[n + j] : 0;

                        for (uint32_t k = 0; k < x->c; k++) {
                                value += (double)x->data[row * x->c + k] * weights[j * x->c + k];
                                gate += gated ? (double)x->data[row * x->c + k] * weights[(n + j) * x->c + k]
                                              : 0;
                        }
                        if (gated)
                                value *= 0.5 * gate * erfc(-gate / sqrt(2));
                        ret[row * n + j] = value + (residual ? residual->data[row * n + j] : 0);
                }
}

/* Who has written bytes already is answered with the same bits. */
static void check_rows_of_bytes(
                Compute *c, const Matrix *matrix, const Tensor *x, const Tensor *residual, const Tensor *wanted)
{
        if (matrices_read((const Matrix *[]) { matrix }, 1) != TENSOR_BYTES)
                return;

        Tensor bytes = compute_tensor_of(c, TENSOR_BYTES, x->n, x->h, x->w, x->c),
               out = compute_tensor(c, wanted->n, wanted->h, wanted->w, wanted->c);
        for (size_t row = 0; row < tensor_rows(x); row++) {
                const float *from = x->data + row * x->c;
                float least, most;

                matrix->kernels->range(from, x->c, false, &least, &most);
                bytes.scales[row] = byte_scale_of(least, most);
                matrix->kernels->quantise(tensor_at(&bytes, row * x->c), from, x->c, false, bytes.scales[row]);
        }
        linear(c, matrix, &bytes, FINISH_PLAIN, residual, &out);
        assert_same(&out, wanted);
}

static void compare_linear(
                Precision precision, uint32_t m, uint32_t k, uint32_t n, bool gated, bool with_bias, bool with_residual)
{
        Compute c = compute_for_test(1);
        Numbers numbers = { m + k + n };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)(1 + gated) * n * k);
        _cleanup_(freep) float *bias = numbers_new(&numbers, (size_t)(1 + gated) * n);
        _cleanup_(freep) double *wanted = calloc((size_t)m * n, sizeof *wanted);
        Tensor x = random_tensor(&c, 1, 1, m, k, 1), residual = random_tensor(&c, 1, 1, m, n, 2), first = {};
        Matrix matrix = pack_as(&c, precision, n, k, 1, gated, weights, with_bias ? bias : NULL);

        assert_int_equal(matrix.products->precision, precision);
        round_numbers(precision, weights, (size_t)(1 + gated) * n * k);
        round_numbers(precision, x.data, tensor_elements(&x));
        linear_in_double(
                        &x, weights, with_bias ? bias : NULL, with_residual ? &residual : NULL, n, gated,
                        wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, 1, 1, m, n);
                linear(&c, &matrix, &x, FINISH_PLAIN, with_residual ? &residual : NULL, &out);
                assert_tensor_near(&out, wanted, tolerance_of(precision));
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        if (precision != PRECISION_F32) { /* bfloat16 on the way in and out */
                Tensor halves = rounded_tensor(&c, &x), out = compute_tensor_of(&c, TENSOR_BF16, 1, 1, m, n);
                linear(&c, &matrix, &halves, FINISH_PLAIN, with_residual ? &residual : NULL, &out);
                Tensor wide = widened_tensor(&c, &out), rounded = rounded_tensor(&c, &first);
                rounded = widened_tensor(&c, &rounded);
                if (!gated) /* whose gates are taken shorter where the result is rounded */
                        assert_same(&wide, &rounded);
                assert_tensor_near(&wide, wanted, tolerance_of(precision) + 4e-3);
                check_rows_of_bytes(&c, &matrix, &x, with_residual ? &residual : NULL, &first);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void linear_in(Precision precision)
{
        compare_linear(precision, 1, 1, 1, false, true, false);
        compare_linear(precision, 7, 5, 3, false, false, true);
        compare_linear(precision, 13, 37, 65, false, true, true);
        compare_linear(precision, 100, 300, 130, false, true, false);
        compare_linear(precision, 6, 40, 5, true, true, false);
        compare_linear(precision, 19, 33, 70, true, true, true);
        compare_linear(precision, 8, 20, 128, true, false, false);
        compare_linear(precision, 5, 1031, 17, false, true, false); /* several slices */
        compare_linear(precision, 27, 128, 70, false, true, true); /* whole steps of every kernel */
        compare_linear(precision, 14, 192, 33, true, true, false);
}

static void linear_of(const Kernels *kernels)
{
        for_each_precision(kernels, linear_in);
}

static void test_linear(void **state)
{
        (void)state;
        for_each_kernels(linear_of);
}

/* Twice the rows: the same bytes for each half, and rows computed one by one too. */
static void rows_are_independent_in(Precision precision)
{
        enum { M = 53, K = 70, N = 90 };
        Compute c = compute_for_test(2);
        Numbers numbers = { 9 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, N * K);
        Matrix matrix = pack_as(&c, precision, N, K, 1, false, weights, NULL);
        Tensor x = random_tensor(&c, 1, 1, M, K, 1), both = compute_tensor(&c, 2, 1, M, K);
        Tensor out = compute_tensor(&c, 1, 1, M, N), both_out = compute_tensor(&c, 2, 1, M, N);

        memcpy(both.data, x.data, M * K * sizeof(float));
        memcpy(both.data + M * K, x.data, M * K * sizeof(float));
        linear(&c, &matrix, &x, FINISH_PLAIN, NULL, &out);
        linear(&c, &matrix, &both, FINISH_PLAIN, NULL, &both_out);
        /* OpenBLAS may choose another kernel for another number of rows, so this holds for our own products
         * only. */
        if (matrix.products->precision != PRECISION_F32 || streq(matrix.products->name, "own")) {
                assert_memory_equal(out.data, both_out.data, M * N * sizeof(float));
                assert_memory_equal(out.data, both_out.data + M * N, M * N * sizeof(float));
        }
        arena_free(c.arena);
}

static void rows_are_independent_of(const Kernels *kernels)
{
        for_each_precision(kernels, rows_are_independent_in);
}

static void test_rows_are_independent(void **state)
{
        (void)state;
        for_each_kernels(rows_are_independent_of);
}

static void convolution_in_double(
                ConvolutionKind kind, const Tensor *x, const float *weights, const float *bias,
                const Tensor *residual, const Tensor *out, double *ret)
{
        const uint32_t h = kind == CONVOLUTION_UP ? out->h : x->h,
                       w = kind == CONVOLUTION_UP ? out->w : x->w;
        const int64_t stride = kind == CONVOLUTION_DOWN || kind == CONVOLUTION_DOWN_AFTER ? 2 : 1;
        const int64_t padding = kind == CONVOLUTION_DOWN_AFTER ? 0 : 1;

        for (size_t i = 0; i < tensor_elements(out); i++) {
                size_t channel = i % out->c, column = i / out->c % out->w,
                       row = i / out->c / out->w % out->h;
                size_t picture = i / out->c / out->w / out->h;
                double sum = bias[channel] + (residual ? residual->data[i] : 0);

                for (int64_t tap = 0; tap < 9; tap++) {
                        int64_t y = (int64_t)row * stride + tap / 3 - padding,
                                z = (int64_t)column * stride + tap % 3 - padding;
                        if (y < 0 || z < 0 || y >= h || z >= w)
                                continue;
                        if (kind == CONVOLUTION_UP) {
                                y = y * x->h / out->h;
                                z = z * x->w / out->w;
                        }
                        for (size_t k = 0; k < x->c; k++)
                                sum += (double)x->data[((picture * x->h + (size_t)y) * x->w + (size_t)z) *
                                                                       x->c +
                                                       k] *
                                       weights[(channel * x->c + k) * 9 + (size_t)tap];
                }
                ret[i] = sum;
        }
}

static void compare_convolution(
                Precision precision, ConvolutionKind kind, uint32_t n, uint32_t h, uint32_t w, uint32_t in, uint32_t channels,
                uint32_t up_h, uint32_t up_w)
{
        Compute c = compute_for_test(1);
        Numbers numbers = { h + w + in };
        const uint32_t out_h = up_h ? up_h : convolution_size(kind, h),
                       out_w = up_w ? up_w : convolution_size(kind, w);
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)channels * in * 9);
        _cleanup_(freep) float *bias = numbers_new(&numbers, channels);
        _cleanup_(freep) double *wanted = calloc((size_t)n * out_h * out_w * channels, sizeof *wanted);
        Tensor x = random_tensor(&c, n, h, w, in, 3),
               residual = random_tensor(&c, n, out_h, out_w, channels, 4), first = {};
        const bool with_residual = (h + w) % 2;
        Matrix matrix = pack_as(&c, precision, channels, in, 9, false, weights, bias);

        round_numbers(precision, weights, (size_t)channels * in * 9);
        round_numbers(precision, x.data, tensor_elements(&x));
        convolution_in_double(kind, &x, weights, bias, with_residual ? &residual : NULL, &residual, wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, out_h, out_w, channels);
                convolution(&c, &matrix, kind, &x, NULL, with_residual ? &residual : NULL, &out);
                assert_tensor_near(&out, wanted, tolerance_of(precision));
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        for (uint32_t i = 0; i < n; i++) { /* each picture by itself: the same bytes */
                Tensor one = tensor_picture(&x, i), out = compute_tensor(&c, 1, out_h, out_w, channels),
                       one_residual = tensor_picture(&residual, i), wanted_one = tensor_picture(&first, i);
                convolution(&c, &matrix, kind, &one, NULL, with_residual ? &one_residual : NULL, &out);
                if (matrix.products->precision != PRECISION_F32 || streq(matrix.products->name, "own"))
                        assert_same(&out, &wanted_one);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void convolution_in(Precision precision)
{
        static const ConvolutionKind kinds[] = { CONVOLUTION_SAME, CONVOLUTION_DOWN,
                                                 CONVOLUTION_DOWN_AFTER };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                compare_convolution(precision, kinds[i], 1, 2, 2, 1, 1, 0, 0);
                compare_convolution(precision, kinds[i], 2, 5, 3, 3, 20, 0, 0);
                compare_convolution(precision, kinds[i], 1, 4, 13, 33, 66, 0, 0);
        }
        compare_convolution(precision, CONVOLUTION_SAME, 1, 1, 1, 4, 5, 0, 0);
        compare_convolution(precision, CONVOLUTION_DOWN, 1, 1, 1, 4, 5, 0, 0);
        compare_convolution(
                        precision, CONVOLUTION_SAME, 3, 11, 17, 8, 9, 0,
                        0); /* several tiles, pictures that begin within one */
        compare_convolution(precision, CONVOLUTION_UP, 1, 1, 1, 2, 3, 2, 2);
        compare_convolution(precision, CONVOLUTION_UP, 2, 3, 4, 5, 6, 6, 8);
        compare_convolution(precision, CONVOLUTION_UP, 2, 3, 5, 5, 6, 5, 9);
}

static void convolution_of(const Kernels *kernels)
{
        for_each_precision(kernels, convolution_in);
}

static void test_convolution(void **state)
{
        (void)state;
        for_each_kernels(convolution_of);
}

static void test_convolution_size(void **state)
{
        (void)state;
        assert_int_equal(convolution_size(CONVOLUTION_SAME, 7), 7);
        assert_int_equal(convolution_size(CONVOLUTION_DOWN, 1), 1);
        assert_int_equal(convolution_size(CONVOLUTION_DOWN, 8), 4);
        assert_int_equal(convolution_size(CONVOLUTION_DOWN, 9), 5);
        assert_int_equal(convolution_size(CONVOLUTION_DOWN_AFTER, 8), 4);
        assert_int_equal(convolution_size(CONVOLUTION_DOWN_AFTER, 9), 4);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_linear),
                cmocka_unit_test(test_rows_are_independent),
                cmocka_unit_test(test_convolution),
                cmocka_unit_test(test_convolution_size),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

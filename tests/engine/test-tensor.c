/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/kernels/blas.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/norm.h"
#include "engine/tensor/pointwise.h"
#include "tests/engine/numbers.h"

/* Every operation is held against the plainest C that says the same in double, over odd shapes, and run with
 * 1, 2 and 3 threads, which must give the same bytes. */

#define THREADS_MAX 3

static Compute compute_new(unsigned threads)
{
        Compute c = { .threads = threads, .arena = arena_new(0) };
        assert_non_null(c.arena);
        return c;
}

static Tensor random_tensor(Compute *c, uint32_t n, uint32_t h, uint32_t w, uint32_t channels, uint32_t seed)
{
        Tensor t = compute_tensor(c, n, h, w, channels);
        Numbers numbers = { seed };

        assert_non_null(t.data);
        for (size_t i = 0; i < tensor_elements(&t); i++)
                t.data[i] = number(&numbers);
        return t;
}

static void assert_same(const Tensor *a, const Tensor *b)
{
        assert_memory_equal(a->data, b->data, tensor_elements(a) * sizeof *a->data);
}

static void assert_tensor_near(const Tensor *got, const double *wanted, double tolerance)
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

static Matrix pack(
                Compute *c, uint32_t n, uint32_t k, uint32_t taps, bool gated, const float *weights,
                const float *bias)
{
        MatrixSource source = { .n = n,
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

/* ---- linear */

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

static void compare_linear(
                uint32_t m, uint32_t k, uint32_t n, bool gated, bool with_bias, bool with_residual)
{
        Compute c = compute_new(1);
        Numbers numbers = { m + k + n };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)(1 + gated) * n * k);
        _cleanup_(freep) float *bias = numbers_new(&numbers, (size_t)(1 + gated) * n);
        _cleanup_(freep) double *wanted = calloc((size_t)m * n, sizeof *wanted);
        Tensor x = random_tensor(&c, 1, 1, m, k, 1), residual = random_tensor(&c, 1, 1, m, n, 2), first = {};
        Matrix matrix = pack(&c, n, k, 1, gated, weights, with_bias ? bias : NULL);

        linear_in_double(
                        &x, weights, with_bias ? bias : NULL, with_residual ? &residual : NULL, n, gated,
                        wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, 1, 1, m, n);
                linear(&c, &matrix, &x, FINISH_PLAIN, with_residual ? &residual : NULL, &out);
                assert_tensor_near(&out, wanted, 2e-6);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void linear_of(const Kernels *kernels)
{
        (void)kernels;
        compare_linear(1, 1, 1, false, true, false);
        compare_linear(7, 5, 3, false, false, true);
        compare_linear(13, 37, 65, false, true, true);
        compare_linear(100, 300, 130, false, true, false);
        compare_linear(6, 40, 5, true, true, false);
        compare_linear(19, 33, 70, true, true, true);
        compare_linear(8, 20, 128, true, false, false);
}

static void test_linear(void **state)
{
        (void)state;
        for_each_kernels(linear_of);
}

/* Twice the rows: the same bytes for each half, and rows computed one by one too. */
static void rows_are_independent_of(const Kernels *kernels)
{
        enum { M = 53, K = 70, N = 90 };
        Compute c = compute_new(2);
        Numbers numbers = { 9 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, N * K);
        Matrix matrix = pack(&c, N, K, 1, false, weights, NULL);
        Tensor x = random_tensor(&c, 1, 1, M, K, 1), both = compute_tensor(&c, 2, 1, M, K);
        Tensor out = compute_tensor(&c, 1, 1, M, N), both_out = compute_tensor(&c, 2, 1, M, N);

        memcpy(both.data, x.data, M * K * sizeof(float));
        memcpy(both.data + M * K, x.data, M * K * sizeof(float));
        linear(&c, &matrix, &x, FINISH_PLAIN, NULL, &out);
        linear(&c, &matrix, &both, FINISH_PLAIN, NULL, &both_out);
        /* OpenBLAS may choose another kernel for another number of rows, so this holds for our own products
         * only. */
        if (streq(kernels->products, "own")) {
                assert_memory_equal(out.data, both_out.data, M * N * sizeof(float));
                assert_memory_equal(out.data, both_out.data + M * N, M * N * sizeof(float));
        }
        arena_free(c.arena);
}

static void test_rows_are_independent(void **state)
{
        (void)state;
        for_each_kernels(rows_are_independent_of);
}

/* ---- convolution */

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
                ConvolutionKind kind, uint32_t n, uint32_t h, uint32_t w, uint32_t in, uint32_t channels,
                uint32_t up_h, uint32_t up_w)
{
        Compute c = compute_new(1);
        Numbers numbers = { h + w + in };
        const uint32_t out_h = up_h ? up_h : convolution_size(kind, h),
                       out_w = up_w ? up_w : convolution_size(kind, w);
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)channels * in * 9);
        _cleanup_(freep) float *bias = numbers_new(&numbers, channels);
        _cleanup_(freep) double *wanted = calloc((size_t)n * out_h * out_w * channels, sizeof *wanted);
        Tensor x = random_tensor(&c, n, h, w, in, 3),
               residual = random_tensor(&c, n, out_h, out_w, channels, 4), first = {};
        const bool with_residual = (h + w) % 2;
        Matrix matrix = pack(&c, channels, in, 9, false, weights, bias);

        convolution_in_double(kind, &x, weights, bias, with_residual ? &residual : NULL, &residual, wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, out_h, out_w, channels);
                convolution(&c, &matrix, kind, &x, NULL, with_residual ? &residual : NULL, &out);
                assert_tensor_near(&out, wanted, 2e-6);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void convolution_of(const Kernels *kernels)
{
        static const ConvolutionKind kinds[] = { CONVOLUTION_SAME, CONVOLUTION_DOWN,
                                                 CONVOLUTION_DOWN_AFTER };

        (void)kernels;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                compare_convolution(kinds[i], 1, 2, 2, 1, 1, 0, 0);
                compare_convolution(kinds[i], 2, 5, 3, 3, 20, 0, 0);
                compare_convolution(kinds[i], 1, 4, 13, 33, 66, 0, 0);
        }
        compare_convolution(CONVOLUTION_SAME, 1, 1, 1, 4, 5, 0, 0);
        compare_convolution(CONVOLUTION_DOWN, 1, 1, 1, 4, 5, 0, 0);
        compare_convolution(
                        CONVOLUTION_SAME, 3, 11, 17, 8, 9, 0,
                        0); /* several tiles, pictures that begin within one */
        compare_convolution(CONVOLUTION_UP, 1, 1, 1, 2, 3, 2, 2);
        compare_convolution(CONVOLUTION_UP, 2, 3, 4, 5, 6, 6, 8);
        compare_convolution(CONVOLUTION_UP, 2, 3, 5, 5, 6, 5, 9);
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

/* ---- attention */

static void attention_in_double(
                const Tensor *q, const Tensor *k, const Tensor *v, uint32_t heads, bool causal, double *ret)
{
        const size_t queries = (size_t)q->h * q->w, tokens = (size_t)k->h * k->w, size = q->c / heads;
        _cleanup_(freep) double *weights = calloc(tokens, sizeof *weights);

        for (size_t i = 0; i < q->n * queries * heads; i++) {
                const size_t head = i % heads, query = i / heads % queries, n = i / heads / queries;
                const size_t seen = causal ? MIN(tokens, query + 1) : tokens;
                const float *one = q->data + (n * queries + query) * q->c + head * size;
                double top = -INFINITY, sum = 0;

                for (size_t token = 0; token < seen; token++) {
                        weights[token] = 0;
                        for (size_t d = 0; d < size; d++)
                                weights[token] += (double)one[d] *
                                                  k->data[(n * tokens + token) * q->c + head * size + d] /
                                                  sqrt((double)size);
                        top = fmax(top, weights[token]);
                }
                for (size_t token = 0; token < seen; token++)
                        sum += weights[token] = exp(weights[token] - top);
                for (size_t d = 0; d < size; d++) {
                        double value = 0;
                        for (size_t token = 0; token < seen; token++)
                                value += weights[token] / sum *
                                         v->data[(n * tokens + token) * q->c + head * size + d];
                        ret[(n * queries + query) * q->c + head * size + d] = value;
                }
        }
}

static void compare_attention(
                uint32_t n, uint32_t queries, uint32_t tokens, uint32_t heads, uint32_t size, bool causal)
{
        Compute c = compute_new(1);
        Tensor q = random_tensor(&c, n, 1, queries, heads * size, 5),
               k = random_tensor(&c, n, 1, tokens, heads * size, 6);
        Tensor v = random_tensor(&c, n, 1, tokens, heads * size, 7), first = {};
        _cleanup_(freep) double *wanted = calloc(tensor_elements(&q), sizeof *wanted);

        for (size_t i = 0; i < tensor_elements(&q); i++)
                q.data[i] *= 3; /* scores that matter */
        attention_in_double(&q, &k, &v, heads, causal, wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, 1, queries, heads * size);
                AttentionKeys keys = attention_keys(&c, c.arena, heads, &k, &v);
                attention(&c, &q, &keys, causal, &out);
                assert_tensor_near(&out, wanted, 5e-6);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        AttentionKeys keys = attention_keys(&c, c.arena, heads, &k, &v);
        attention(&c, &q, &keys, causal, &q); /* in place */
        assert_same(&q, &first);
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void attention_of(const Kernels *kernels)
{
        (void)kernels;
        compare_attention(1, 1, 1, 1, 1, false);
        compare_attention(2, 5, 77, 3, 40, false);
        compare_attention(1, 77, 77, 2, 8, true);
        compare_attention(2, 7, 3, 2, 5, false);
        compare_attention(1, 200, 700, 1, 20, false); /* several tiles of queries, two blocks of keys */
        compare_attention(1, 530, 530, 1, 9, true); /* rows that see nothing of the second block */
        compare_attention(1, 10, 30, 1, 300, false); /* a head wider than a panel */
}

static void test_attention(void **state)
{
        (void)state;
        for_each_kernels(attention_of);
}

/* Scores of a size that e^x alone could not hold. */
static void test_attention_of_large_scores(void **state)
{
        (void)state;
        Compute c = compute_new(1);
        Tensor q = random_tensor(&c, 1, 1, 9, 16, 5), k = random_tensor(&c, 1, 1, 600, 16, 6);
        Tensor v = random_tensor(&c, 1, 1, 600, 16, 7), out = compute_tensor(&c, 1, 1, 9, 16);
        _cleanup_(freep) double *wanted = calloc(tensor_elements(&q), sizeof *wanted);

        for (size_t i = 0; i < tensor_elements(&q); i++)
                q.data[i] *= 100;
        attention_in_double(&q, &k, &v, 2, false, wanted);
        AttentionKeys keys = attention_keys(&c, c.arena, 2, &k, &v);
        attention(&c, &q, &keys, false, &out);
        assert_tensor_near(&out, wanted, 1e-4);
        arena_free(c.arena);
}

/* ---- norms and the rest */

static void compare_group_norm(
                uint32_t n, uint32_t h, uint32_t w, uint32_t channels, uint32_t groups, bool silu)
{
        Compute c = compute_new(1);
        Numbers numbers = { 8 };
        const size_t pixels = (size_t)h * w, width = channels / groups;
        _cleanup_(freep) float *gamma = numbers_new(&numbers, channels),
                               *beta = numbers_new(&numbers, channels);
        Norm norm = { .channels = channels, .groups = groups, .eps = 1e-5f, .gamma = gamma, .beta = beta };
        Tensor x = random_tensor(&c, n, h, w, channels, 9), first = {};
        _cleanup_(freep) double *wanted = calloc(tensor_elements(&x), sizeof *wanted);

        for (size_t i = 0; i < tensor_elements(&x); i++)
                x.data[i] += 50;
        for (size_t i = 0; i < (size_t)n * groups; i++) {
                const size_t base = i / groups * pixels * channels + i % groups * width,
                             count = pixels * width;
                double mean = 0, square = 0;

                for (size_t j = 0; j < count; j++)
                        mean += x.data[base + j / width * channels + j % width] / (double)count;
                for (size_t j = 0; j < count; j++)
                        square += pow(x.data[base + j / width * channels + j % width] - mean, 2) /
                                  (double)count;
                for (size_t j = 0; j < count; j++) {
                        size_t at = base + j / width * channels + j % width, channel = at % channels;
                        double y = (x.data[at] - mean) / sqrt(square + 1e-5) * gamma[channel] +
                                   beta[channel];
                        wanted[at] = silu ? y / (1 + exp(-y)) : y;
                }
        }
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, h, w, channels);
                group_norm(&c, &norm, &x, silu, &out);
                assert_tensor_near(&out, wanted, 1e-5);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        group_norm(&c, &norm, &x, silu, &x); /* in place */
        assert_same(&x, &first);
        arena_free(c.arena);
}

static void group_norm_of(const Kernels *kernels)
{
        (void)kernels;
        compare_group_norm(1, 1, 1, 4, 2, false);
        compare_group_norm(2, 3, 5, 12, 4, true);
        compare_group_norm(2, 40, 33, 20, 5, true); /* several tiles */
        compare_group_norm(1, 9, 7, 64, 32, false);
}

static void test_group_norm(void **state)
{
        (void)state;
        for_each_kernels(group_norm_of);
}

static void test_add_and_concat(void **state)
{
        (void)state;
        Compute c = compute_new(2);
        Tensor a = random_tensor(&c, 2, 30, 31, 17, 1), b = random_tensor(&c, 2, 30, 31, 17, 2);
        Tensor narrow = random_tensor(&c, 2, 30, 31, 3, 3), sum = compute_tensor(&c, 2, 30, 31, 17);
        Tensor both = compute_tensor(&c, 2, 30, 31, 20), copy = compute_tensor(&c, 2, 30, 31, 17);

        tensor_add(&c, &a, &b, &sum);
        tensor_concat(&c, &a, &narrow, &both);
        tensor_copy(&c, &a, &copy);
        for (size_t row = 0; row < tensor_rows(&a); row++) {
                assert_memory_equal(both.data + row * 20, a.data + row * 17, 17 * sizeof(float));
                assert_memory_equal(both.data + row * 20 + 17, narrow.data + row * 3, 3 * sizeof(float));
        }
        for (size_t i = 0; i < tensor_elements(&a); i++)
                assert_true(sum.data[i] == a.data[i] + b.data[i]);
        assert_same(&copy, &a);
        arena_free(c.arena);
}

/* ---- tiles, errors, memory */

typedef struct TileJob {
        atomic_uint *counts;
        atomic_bool *cancelled;
        size_t cancel_at;
        size_t scratch;
} TileJob;

static void count_tile(const void *userdata, size_t i, float *scratch)
{
        const TileJob *job = userdata;

        for (size_t j = 0; j < job->scratch; j++)
                scratch[j] = (float)i;
        for (size_t j = 0; j < job->scratch; j++) /* nobody else wrote there */
                assert_true(scratch[j] == (float)i);
        atomic_fetch_add(&job->counts[i], 1);
        if (i == job->cancel_at)
                atomic_store(job->cancelled, true);
}

static void test_tiles(void **state)
{
        (void)state;
        enum { TILES = 1000 };
        atomic_uint counts[TILES] = {};
        atomic_bool cancelled = false;
        TileJob job = { .counts = counts, .cancelled = &cancelled, .cancel_at = SIZE_MAX, .scratch = 33 };

        for (unsigned threads = 1; threads <= 4; threads++) {
                Compute c = compute_new(threads);
                c.cancelled = &cancelled;
                compute_tiles(&c, TILES, job.scratch, count_tile, &job);
                for (size_t i = 0; i < TILES; i++)
                        assert_int_equal(atomic_load(&counts[i]), threads);
                arena_free(c.arena);
        }
}

static void test_cancel(void **state)
{
        (void)state;
        enum { TILES = 1000, AT = 10 };
        atomic_uint counts[TILES] = {};
        atomic_bool cancelled = false;
        TileJob job = { .counts = counts, .cancelled = &cancelled, .cancel_at = AT, .scratch = 1 };
        Compute c = compute_new(2);
        unsigned ran = 0;

        c.cancelled = &cancelled;
        compute_tiles(&c, TILES, 1, count_tile, &job);
        for (size_t i = 0; i < TILES; i++)
                ran += atomic_load(&counts[i]);
        assert_true(ran > AT && ran < TILES);
        assert_true(compute_cancelled(&c));
        compute_tiles(&c, TILES, 1, count_tile, &job);
        for (size_t i = 0; i < TILES; i++)
                ran -= atomic_load(&counts[i]);
        assert_int_equal(ran, 0);
        arena_free(c.arena);
}

/* The first error stays, everything after it does nothing, and compute_finish begins anew. */
static void test_out_of_memory(void **state)
{
        (void)state;
        Compute c = compute_new(2);
        Tensor huge = compute_tensor(&c, 65536, 65536, 65536, 65536);
        Tensor small = compute_tensor(&c, 1, 1, 1, 16);
        Numbers numbers = { 1 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, 16 * 16 * 9);
        Matrix flat = pack(&c, 16, 16, 1, false, weights, NULL),
               taps = pack(&c, 16, 16, 9, false, weights, NULL);
        Norm norm = { .channels = 16, .groups = 2, .eps = 1, .gamma = weights, .beta = weights };

        assert_null(huge.data);
        assert_null(small.data);
        assert_int_equal(c.error, -ENOMEM);
        linear(&c, &flat, &small, FINISH_PLAIN, NULL, &small);
        convolution(&c, &taps, CONVOLUTION_SAME, &small, NULL, NULL, &small);
        group_norm(&c, &norm, &small, true, &small);
        layer_norm(&c, &norm, &small, &small);
        tensor_add(&c, &small, &small, &small);
        tensor_copy(&c, &small, &small);
        AttentionKeys keys = attention_keys(&c, c.arena, 2, &small, &small);
        attention(&c, &small, &keys, false, &small);
        assert_int_equal(compute_finish(&c), -ENOMEM);
        assert_int_equal(compute_finish(&c), 0);
        assert_non_null(compute_tensor(&c, 1, 1, 1, 16).data);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_linear),        cmocka_unit_test(test_rows_are_independent),
                cmocka_unit_test(test_convolution),   cmocka_unit_test(test_convolution_size),
                cmocka_unit_test(test_attention),     cmocka_unit_test(test_attention_of_large_scores),
                cmocka_unit_test(test_group_norm),    cmocka_unit_test(test_add_and_concat),
                cmocka_unit_test(test_tiles),         cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_out_of_memory),
        };

        (void)argc;
        if (blas_ensure_core(argv) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

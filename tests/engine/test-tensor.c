/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Norms, sums and copies; and what holds for every operation: tiles, cancelling, errors. */

#include "engine/tensor/attention.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/norm.h"
#include "engine/tensor/pointwise.h"
#include "tests/engine/tensors.h"

static void compare_group_norm(
                uint32_t n, uint32_t h, uint32_t w, uint32_t channels, uint32_t groups, bool silu)
{
        Compute c = compute_for_test(1);
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

static void test_concat_and_copy(void **state)
{
        (void)state;
        Compute c = compute_for_test(2);
        Tensor a = random_tensor(&c, 2, 30, 31, 17, 1), narrow = random_tensor(&c, 2, 30, 31, 3, 3);
        Tensor both = compute_tensor(&c, 2, 30, 31, 20), copy = compute_tensor(&c, 2, 30, 31, 17);

        tensor_concat(&c, &a, &narrow, &both);
        tensor_copy(&c, &a, &copy);
        for (size_t row = 0; row < tensor_rows(&a); row++) {
                assert_memory_equal(both.data + row * 20, a.data + row * 17, 17 * sizeof(float));
                assert_memory_equal(both.data + row * 20 + 17, narrow.data + row * 3, 3 * sizeof(float));
        }
        assert_same(&copy, &a);
        arena_free(c.arena);
}

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
                Compute c = compute_for_test(threads);
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
        Compute c = compute_for_test(2);
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
        Compute c = compute_for_test(2);
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
        tensor_relu(&c, &small, &small);
        tensor_copy(&c, &small, &small);
        AttentionKeys keys = attention_keys(&c, c.arena, PRECISION_F32, 2, &small, &small);
        attention(&c, &small, &keys, false, &small);
        assert_int_equal(compute_finish(&c), -ENOMEM);
        assert_int_equal(compute_finish(&c), 0);
        assert_non_null(compute_tensor(&c, 1, 1, 1, 16).data);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_group_norm),
                cmocka_unit_test(test_concat_and_copy),
                cmocka_unit_test(test_tiles),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_out_of_memory),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

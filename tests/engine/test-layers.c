/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layers that go through a tensor band by band make the bytes of those that take it whole. */

#include "engine/layers/norm_convolution.h"
#include "engine/layers/resnet_block.h"
#include "tests/engine/tensors.h"

#define GROUPS 4

static float *new_numbers(Compute *c, size_t n, uint32_t seed)
{
        Tensor t = random_tensor(c, 1, 1, 1, (uint32_t)n, seed);
        return t.data;
}

static Norm new_norm(Compute *c, uint32_t channels, uint32_t seed)
{
        return (Norm) { .channels = channels,
                        .groups = GROUPS,
                        .eps = 1e-6f,
                        .gamma = new_numbers(c, channels, seed),
                        .beta = new_numbers(c, channels, seed + 1) };
}

static Matrix new_matrix(Compute *c, uint32_t in, uint32_t out, uint32_t taps, uint32_t seed)
{
        return pack(c, out, in, taps, false, new_numbers(c, (size_t)in * out * taps, seed), new_numbers(c, out, seed + 1));
}

static ResnetBlock new_block(Compute *c, uint32_t in, uint32_t out)
{
        ResnetBlock block = { .in = in,
                              .out = out,
                              .norm1 = new_norm(c, in, 1),
                              .norm2 = new_norm(c, out, 3),
                              .conv1 = new_matrix(c, in, out, 9, 5),
                              .conv2 = new_matrix(c, out, out, 9, 7) };

        if (in != out)
                block.shortcut = new_matrix(c, in, out, 1, 9);
        return block;
}

/* A library's product may depend on how many rows it is given, ours may not. */
static void assert_alike(const Kernels *kernels, const Tensor *got, const Tensor *wanted)
{
        if (strcmp(kernels->products[PRECISION_F32]->name, "own") == 0) {
                assert_same(got, wanted);
                return;
        }
        for (size_t i = 0; i < tensor_elements(got); i++)
                assert_near(got->data[i], wanted->data[i], 1e-4);
}

static void norm_convolution_wrapped(const Kernels *kernels, bool wrap)
{
        Compute c = compute_for_test(2);
        c.wrap_x = c.wrap_y = wrap;
        const Norm norm = new_norm(&c, 12, 1);
        const Matrix matrix = new_matrix(&c, 12, 20, 9, 3);
        const float *bias = new_numbers(&c, 20 + KERNELS_LANES_MAX, 5);
        Tensor x = random_tensor(&c, 2, 7, 5, 12, 6), before = random_tensor(&c, 2, 7, 5, 12, 6);
        Tensor whole = compute_tensor(&c, 2, 7, 5, 20), got = compute_tensor(&c, 2, 7, 5, 20);

        norm_convolution(&c, &norm, &matrix, &x, bias, tensor_elements(&x), NULL, &whole);
        for (size_t rows = 0; rows <= 7; rows++) {
                memset(got.data, 0, tensor_elements(&got) * sizeof(float));
                norm_convolution(&c, &norm, &matrix, &x, bias, rows * 5 * 12, NULL, &got);
                assert_alike(kernels, &got, &whole);
                assert_same(&x, &before);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void norm_convolution_of(const Kernels *kernels)
{
        norm_convolution_wrapped(kernels, false);
        norm_convolution_wrapped(kernels, true);
}

static void test_norm_convolution(void **state)
{
        (void)state;
        for_each_kernels(norm_convolution_of);
}

static void block_of(const Kernels *kernels, uint32_t in, uint32_t out)
{
        const uint32_t largest = MAX(in, out);
        Compute c = compute_for_test(2);
        const ResnetBlock block = new_block(&c, in, out);
        const Tensor start = random_tensor(&c, 1, 9, 5, in, 11);
        Tensor wanted = compute_tensor(&c, 1, 9, 5, out), other = compute_tensor(&c, 1, 9, 5, out);
        Tensor memory = compute_tensor(&c, 1, 9, 5, largest);

        resnet_block(&c, &block, &start, NULL, &wanted);
        for (size_t rows = 0; rows <= 10; rows++) {
                Tensor x = { .n = 1, .h = 9, .w = 5, .c = in, .data = memory.data };

                memcpy(x.data, start.data, tensor_elements(&start) * sizeof(float));
                resnet_block_in_place(&c, &block, &x, other.data, rows * 5 * largest);
                assert_int_equal(x.c, out);
                assert_alike(kernels, &x, &wanted);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void blocks_of(const Kernels *kernels)
{
        block_of(kernels, 12, 12);
        block_of(kernels, 24, 12);
        block_of(kernels, 12, 24);
}

static void test_block_in_place(void **state)
{
        (void)state;
        for_each_kernels(blocks_of);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_norm_convolution),
                cmocka_unit_test(test_block_in_place),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Weights in blocks (Q8_0, Q4_0) that stay what they are: bit for bit what the same weights as floats give. */

#include "engine/model/weights.h"
#include "engine/tensor/panels.h"
#include "tests/engine/tensors.h"

static const struct {
        WeightType type;
        DType dtype;
} types[] = { { WEIGHT_Q8_0, DTYPE_Q8_0 }, { WEIGHT_Q4_0, DTYPE_Q4_0 } };

/* n weights, at an odd address; scales of all kinds, but for those that are no numbers. */
typedef struct Blocks {
        WeightType type;
        size_t n;
        char *memory;
        float *values;
} Blocks;

static char *blocks_data(const Blocks *blocks)
{
        return blocks->memory + 1;
}

static Blocks blocks_new(size_t i, size_t n)
{
        const size_t size = weight_bytes(types[i].type, n), block = weight_bytes(types[i].type, WEIGHT_BLOCK);
        Blocks ret = { .type = types[i].type, .n = n, .memory = calloc(1, size + 1), .values = malloc(n * sizeof(float)) };
        Numbers numbers = { (uint32_t)n };

        assert_true(ret.memory && ret.values);
        for (size_t j = 0; j < size; j++) {
                (void)number(&numbers);
                blocks_data(&ret)[j] = (char)(numbers.state >> 24);
        }
        for (size_t j = 0; j < size; j += block) /* an exponent that is not all ones, and small */
                blocks_data(&ret)[j + 1] &= (char)(j % 3 ? 0x9f : 0x83);
        const StoredTensor tensor = { .name = "blocks", .dtype = types[i].dtype, .n_elements = n, .data = blocks_data(&ret) };
        stored_tensor_to_f32(&tensor, ret.values);
        return ret;
}

static void blocks_done(Blocks *blocks)
{
        free(blocks->memory);
        free(blocks->values);
}

static void widen_of(const Kernels *kernels)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                for (size_t n = WEIGHT_BLOCK; n <= 7 * WEIGHT_BLOCK; n += 3 * WEIGHT_BLOCK) {
                        _cleanup_(blocks_done) Blocks blocks = blocks_new(i, n);
                        _cleanup_(freep) float *got = malloc(n * sizeof *got);

                        kernels->widen(got, blocks_data(&blocks), n, blocks.type);
                        assert_memory_equal(got, blocks.values, n * sizeof *got);
                }
}

static void test_widen(void **state)
{
        (void)state;
        for_each_kernels(widen_of);
}

/* Columns to the middle of a panel, and any rows of it back. */
static void compare_panel(const Kernels *kernels, size_t i, size_t columns, size_t rows)
{
        _cleanup_(blocks_done) Blocks blocks = blocks_new(i, columns * rows);
        const size_t width = (columns + 2 + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
        const PanelColumns p = { .first = 2, .columns = columns, .rows = rows, .taps = 1, .column_stride = rows,
                                 .row_stride = 1, .width = width };
        _cleanup_(freep) char *panel = calloc(1, weight_bytes(blocks.type, rows * width));

        assert_non_null(panel);
        panel_pack(panel, blocks_data(&blocks), blocks.type, &p);
        for (size_t first = 0; first < rows; first += 11)
                for (size_t n = 1; n <= rows - first; n += 13) {
                        _cleanup_(freep) float *got = malloc(n * width * sizeof *got);

                        kernels->widen_panel(got, panel, first, n, width, blocks.type);
                        for (size_t row = 0; row < n; row++)
                                assert_true(got[row * width] == 0 && got[row * width + 1] == 0);
                        for (size_t at = 0; at < n * columns; at++)
                                assert_true(got[at / columns * width + 2 + at % columns] ==
                                            blocks.values[at % columns * rows + first + at / columns]);
                }
}

static void panel_of(const Kernels *kernels)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                compare_panel(kernels, i, 1, WEIGHT_BLOCK);
                compare_panel(kernels, i, 14, 2 * WEIGHT_BLOCK);
                compare_panel(kernels, i, 33, 5 * WEIGHT_BLOCK);
        }
}

static void test_panel(void **state)
{
        (void)state;
        for_each_kernels(panel_of);
}

static void compare_linear(Precision precision, size_t i, uint32_t m, uint32_t k, uint32_t n, bool gated)
{
        Compute c = compute_for_test(2);
        _cleanup_(blocks_done) Blocks blocks = blocks_new(i, (size_t)(1 + gated) * n * k);
        const MatrixSource source = { .precision = precision, .n = n, .k = k, .taps = 1, .gated = gated,
                                      .type = blocks.type, .weights = blocks_data(&blocks) };
        const Matrix wanted_matrix = pack_as(&c, precision, n, k, 1, gated, blocks.values, NULL);
        const Tensor x = random_tensor(&c, 1, 1, m, k, 1);
        const Tensor got = compute_tensor(&c, 1, 1, m, n), wanted = compute_tensor(&c, 1, 1, m, n);
        Matrix matrix;

        assert_true(matrix_pack(&matrix, c.arena, &source));
        linear(&c, &matrix, &x, FINISH_PLAIN, NULL, &got);
        linear(&c, &wanted_matrix, &x, FINISH_PLAIN, NULL, &wanted);
        assert_same(&got, &wanted);
        if (precision == PRECISION_F32)
                assert_int_equal(matrix_column_bytes(&matrix), weight_bytes(blocks.type, k));
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void linear_in(Precision precision)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                compare_linear(precision, i, 3, 32, 1, false);
                compare_linear(precision, i, 100, 320, 130, false); /* slices that end within blocks */
                compare_linear(precision, i, 7, 1056, 70, false);
                compare_linear(precision, i, 19, 96, 70, true);
        }
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

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_widen),
                cmocka_unit_test(test_panel),
                cmocka_unit_test(test_linear),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products of each instruction set and precision, and what numbers go through before and after them. */

#include "engine/kernels/blas.h"
#include "tests/engine/kernels.h"

static void widen_of(const Kernels *kernels)
{
        static const struct {
                WeightType type;
                DType dtype;
        } types[] = { { WEIGHT_F16, DTYPE_F16 }, { WEIGHT_BF16, DTYPE_BF16 } };
        enum { ALL = 65536 };
        _cleanup_(freep) uint16_t *halves = calloc(ALL, sizeof *halves);
        _cleanup_(freep) float *got = calloc(ALL, sizeof *got), *wanted = calloc(ALL, sizeof *wanted);

        for (uint32_t i = 0; i < ALL; i++)
                halves[i] = (uint16_t)i;
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                StoredTensor tensor = {
                        .name = "all", .dtype = types[i].dtype, .n_elements = ALL, .data = halves
                };
                stored_tensor_to_f32(&tensor, wanted);
                kernels->widen(got, halves, ALL, types[i].type);
                for (uint32_t j = 0; j < ALL; j++)
                        assert_true(isnan(wanted[j]) ? isnan(got[j]) : got[j] == wanted[j]);

                for (size_t k = 0; k < ELEMENTSOF(lengths); k++) {
                        size_t n = lengths[k];
                        _cleanup_(freep) uint16_t *few = malloc(n * sizeof *few);
                        _cleanup_(freep) float *widened = malloc(n * sizeof *widened);
                        memcpy(few, halves + 0x3c00, n * sizeof *few);
                        kernels->widen(widened, few, n, types[i].type);
                        assert_memory_equal(widened, wanted + 0x3c00, n * sizeof *widened);
                }
        }
}

static void test_widen(void **state)
{
        (void)state;
        for_each_kernels(widen_of);
}

/* A number of a row or a panel as it is stored, and what it stands for. */
static double store_number(const Products *products, bool panel, Numbers *numbers, void *to, size_t at)
{
        const float x = number(numbers);

        if (products->group == 4) {
                if (panel)
                        return ((int8_t *)to)[at] = (int8_t)(x * 63);
                return ((uint8_t *)to)[at] = (uint8_t)(x * 63 + 127);
        }
        if (products->group == 2) {
                const float rounded = to_bf16(x);
                memcpy((uint16_t *)to + at, (const char *)&rounded + 2, sizeof(uint16_t));
                return rounded;
        }
        return ((float *)to)[at] = x;
}

static double sum_at(const Products *products, const float *sums, size_t at)
{
        int32_t integer;

        memcpy(&integer, sums + at, sizeof integer);
        return products->precision == PRECISION_INT8 ? integer : (double)sums[at];
}

/* One product against sums in double; the rows begin at odd addresses, and the sums lie among others that
 * must stay. Sums of bytes are exact. */
static void compare_product(const Products *products, size_t m, size_t depth, size_t width, bool add)
{
        Numbers numbers = { (uint32_t)(m * 1000 + depth * 10 + width) };
        const size_t group = products->group, element = products_element(products), offset = 3 * group;
        const size_t padded = (m + products->rows - 1) / products->rows * products->rows, length = depth + offset,
                     stride = width + 5, spread = width % 32 ? 7 : 1;
        _cleanup_(freep) char *a = malloc(padded * length * element), *b = malloc(depth * width * element);
        _cleanup_(freep) double *a_wanted = calloc(padded * length + 1, sizeof *a_wanted),
                                *b_wanted = calloc(depth * width + 1, sizeof *b_wanted);
        _cleanup_(freep) float *sums = numbers_new(&numbers, padded * stride),
                               *before = malloc(padded * stride * sizeof *sums);
        _cleanup_(freep) float *scratch = aligned_alloc(64, (padded * depth * sizeof *scratch + 63) / 64 * 64);
        _cleanup_(freep) const void **rows = calloc(padded + 1, sizeof *rows);

        if (products->precision == PRECISION_INT8)
                memset(sums, 0, padded * stride * sizeof *sums);
        for (size_t i = 0; i < padded * length; i++)
                a_wanted[i] = store_number(products, false, &numbers, a, i);
        for (size_t k = 0; k < depth; k++)
                for (size_t j = 0; j < width; j++)
                        b_wanted[k * width + j] = store_number(
                                        products, true, &numbers, b, (k / group * width + j) * group + k % group);
        memcpy(before, sums, padded * stride * sizeof *sums);
        for (size_t i = 0; i < padded; i++) /* in order, or in none and some more than once */
                rows[i] = a + (i < m ? i * spread % padded : 0) * length * element;
        const Product product = {
                .rows = rows,
                .offset = offset,
                .m = m,
                .depth = depth,
                .panel = b,
                .width = width,
                .sums = sums,
                .stride = stride,
                .add = add,
                .ahead = b,
                .ahead_size = depth * width * element,
                .scratch = scratch,
        };
        products_enter(products);
        products->multiply(&product);
        products_leave(products);
        for (size_t i = 0; i < padded; i++)
                for (size_t j = 0; j < stride; j++) {
                        double wanted = add && i < m ? sum_at(products, before, i * stride + j) : 0,
                               size = fabs(wanted) + 1;
                        const size_t row = (i < m ? i * spread % padded : 0) * length + offset;

                        if (j >= width) {
                                assert_true(sums[i * stride + j] == before[i * stride + j]);
                                continue;
                        }
                        for (size_t k = 0; k < depth; k++) {
                                double one = a_wanted[row + k] * b_wanted[k * width + j];
                                wanted += one;
                                size += fabs(one);
                        }
                        if (i < m)
                                assert_true(fabs(sum_at(products, sums, i * stride + j) - wanted) <=
                                            (products->precision == PRECISION_INT8 ? 0 : 3e-7 * size));
                }
}

static void product_of(const Kernels *kernels)
{
        static const size_t ms[] = { 1, 2, 5, 6, 7, 12, 13, 16, 17, 33, 70 }, groups[] = { 1, 2, 3, 5, 17, 64, 130 };

        for (Precision precision = PRECISION_F32; precision < PRECISION_MAX; precision++) {
                const Products *products = kernels->products[precision];

                if (!products)
                        continue;
                assert_int_equal(products->precision, precision);
                for (size_t i = 0; i < ELEMENTSOF(ms); i++)
                        for (size_t j = 0; j < ELEMENTSOF(groups); j++)
                                for (size_t width = products->lanes; width <= MIN(products->panel, 80u);
                                     width += products->lanes)
                                        compare_product(products, ms[i], products_length(products, groups[j] * products->group),
                                                        width, (i + j) % 2);
                compare_product(products, 9, products_length(products, 40), products->panel, true);
        }
}

static void test_product(void **state)
{
        (void)state;
        for_each_kernels(product_of);
}

/* bfloat16 and bytes: exact at every rounding. */
static void narrow_of(const Kernels *kernels)
{
        Numbers numbers = { 6 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                size_t n = lengths[i];
                _cleanup_(freep) float *x = numbers_new(&numbers, n), *wide = numbers_new(&numbers, n);
                _cleanup_(freep) uint16_t *halves = malloc(n * sizeof *halves);

                x[0] = 1.00390625f * (n % 2 ? 1 : 1.0078125f); /* just between two */
                kernels->narrow(halves, x, n);
                kernels->widen(wide, halves, n, WEIGHT_BF16);
                for (size_t j = 0; j < n; j++)
                        assert_true(wide[j] == to_bf16(x[j]));
        }
        const float odd[] = { NAN, -NAN, INFINITY, -INFINITY, 0, -0.0f, 3.4e38f };
        uint16_t halves[ELEMENTSOF(odd)];
        float wide[ELEMENTSOF(odd)];
        kernels->narrow(halves, odd, ELEMENTSOF(odd));
        kernels->widen(wide, halves, ELEMENTSOF(odd), WEIGHT_BF16);
        assert_true(isnan(wide[0]) && isnan(wide[1]));
        for (size_t j = 2; j < ELEMENTSOF(odd); j++)
                assert_true(wide[j] == to_bf16(odd[j]));
}

static void test_narrow(void **state)
{
        (void)state;
        for_each_kernels(narrow_of);
}

/* The nearest of -127 to 127, and their sum. */
static void check_weights(const Kernels *kernels, const float *x, size_t n)
{
        static const float factors[] = { 1.0f / 64, 1.0f / 32, 0 };
        _cleanup_(freep) int8_t *bytes = malloc(n);

        assert_non_null(bytes);
        for (size_t i = 0; i < ELEMENTSOF(factors); i++) {
                const double inverse = factors[i] > 0 ? 1 / (double)factors[i] : 0;
                const int32_t got = kernels->quantise_weights(bytes, x, n, factors[i]);
                int32_t sum = 0;

                for (size_t j = 0; j < n; j++) {
                        assert_int_equal(bytes[j], (int)fmin(127, fmax(-127, rint(x[j] * inverse))));
                        sum += bytes[j];
                }
                assert_int_equal(got, sum);
        }
}

/* bfloat16, as the same numbers in floats. */
static void check_quantised_halves(const Kernels *kernels, const float *x, size_t n, ByteScale scale)
{
        _cleanup_(freep) uint16_t *halves = malloc(n * sizeof *halves);
        _cleanup_(freep) float *rounded = malloc(n * sizeof *rounded);
        _cleanup_(freep) uint8_t *bytes = malloc(n), *wanted = malloc(n);
        float least, most, wanted_least, wanted_most;

        kernels->narrow(halves, x, n);
        kernels->widen(rounded, halves, n, WEIGHT_BF16);
        kernels->range(halves, n, true, &least, &most);
        kernels->range(rounded, n, false, &wanted_least, &wanted_most);
        assert_true(least == wanted_least && most == wanted_most);
        kernels->quantise(bytes, halves, n, true, scale);
        kernels->quantise(wanted, rounded, n, false, scale);
        assert_memory_equal(bytes, wanted, n);
}

static void quantise_of(const Kernels *kernels)
{
        Numbers numbers = { 7 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                size_t n = lengths[i];
                _cleanup_(freep) float *x = numbers_new(&numbers, n), *factors = numbers_new(&numbers, n);
                _cleanup_(freep) uint8_t *bytes = malloc(n);
                _cleanup_(freep) int32_t *sums = calloc(n, sizeof *sums), *scaled = malloc(n * sizeof *scaled);
                float least, most, wanted_least = 0, wanted_most = 0;
                const ByteScale scale = { .factor = 1.0f / 64, .zero = 100 };

                kernels->range(x, n, false, &least, &most);
                kernels->quantise(bytes, x, n, false, scale);
                check_quantised_halves(kernels, x, n, scale);
                for (size_t j = 0; j < n; j++) {
                        wanted_least = fminf(wanted_least, x[j]);
                        wanted_most = fmaxf(wanted_most, x[j]);
                        assert_int_equal(bytes[j], (int)fmin(255, fmax(0, rint((double)x[j] * 64 + 100))));
                        sums[j] = (int32_t)(j * 1000) - 500;
                        scaled[j] = (int32_t)j * 100 + 7;
                }
                assert_true(least == wanted_least && most == wanted_most);
                check_weights(kernels, x, n);
                kernels->dequantise((float *)scaled, n, scale, factors, sums);
                for (size_t j = 0; j < n; j++) {
                        float got;
                        memcpy(&got, scaled + j, sizeof got);
                        assert_near(got, ((double)j * 100 + 7 - 100.0 * sums[j]) / 64 * factors[j], 3e-7);
                }
        }
}

static void test_quantise(void **state)
{
        (void)state;
        for_each_kernels(quantise_of);
}

static void compare_finish(const Kernels *kernels, Finish finish, size_t n, bool bias, bool residual)
{
        Numbers numbers = { (uint32_t)n };
        const size_t m = 5, stride = n + 3,
                     width = finish == FINISH_GEGLU
                                             ? 2 * kernels->lanes *
                                                               ((n + kernels->lanes - 1) / kernels->lanes)
                                             : (n + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
        _cleanup_(freep) float *sums = numbers_new(&numbers, m * width), *b = numbers_new(&numbers, width);
        _cleanup_(freep) float *slopes = numbers_new(&numbers, width);
        _cleanup_(freep) float *out = numbers_new(&numbers, m * stride),
                               *before = malloc(m * stride * sizeof *out);

        memcpy(before, out, m * stride * sizeof *out);
        Output output = {
                .bias = bias ? b : NULL,
                .finish = finish,
                .residual = residual ? out : NULL,
                .data = out,
                .stride = stride,
                .slopes = finish == FINISH_PRELU ? slopes : NULL,
        };
        kernels->finish(sums, width, m, n, width, &output);
        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < stride; j++) {
                        double x = sums[i * width + MIN(j, n - 1)] + (bias ? b[MIN(j, n - 1)] : 0), wanted;

                        if (finish == FINISH_GEGLU) {
                                size_t at = width / 2 + MIN(j, n - 1);
                                wanted = x * finish_in_double(
                                                             sums[i * width + at] + (bias ? b[at] : 0),
                                                             FINISH_GELU);
                        } else if (finish == FINISH_PRELU)
                                wanted = x < 0 ? x * slopes[MIN(j, n - 1)] : x;
                        else
                                wanted = finish_in_double(x, finish);
                        if (residual)
                                wanted += before[i * stride + j];
                        if (j < n)
                                assert_near(out[i * stride + j], wanted, 5e-7);
                        else
                                assert_true(out[i * stride + j] == before[i * stride + j]);
                }
}

/* Sums of bytes, and results in bfloat16: the same as of floats, but for the rounding. */
static void compare_finish_of_bytes(const Kernels *kernels, Finish finish, size_t n)
{
        Numbers numbers = { (uint32_t)n };
        const size_t m = 5, half = (n + kernels->lanes - 1) / kernels->lanes * kernels->lanes,
                     width = finish == FINISH_GEGLU ? 2 * half : half;
        _cleanup_(freep) float *factors = numbers_new(&numbers, width), *sums = numbers_new(&numbers, m * width),
                               *b = numbers_new(&numbers, width), *wanted = numbers_new(&numbers, m * n),
                               *got = numbers_new(&numbers, m * n), *wide = numbers_new(&numbers, m * n);
        _cleanup_(freep) int32_t *column_sums = malloc(width * sizeof *column_sums), *whole = malloc(m * width * sizeof *whole);
        _cleanup_(freep) uint16_t *halves = malloc(m * n * sizeof *halves);
        ByteScale scales[5];

        for (size_t j = 0; j < width; j++)
                column_sums[j] = (int32_t)(b[j] * 100);
        for (size_t row = 0; row < m; row++) {
                scales[row] = (ByteScale) { .factor = (float)(row + 1) / 4096, .zero = (int32_t)row * 63 };
                for (size_t j = 0; j < width; j++)
                        whole[row * width + j] = (int32_t)(sums[row * width + j] * 10000);
                memcpy(sums + row * width, whole + row * width, width * sizeof *sums);
                kernels->dequantise(sums + row * width, width, scales[row], factors, column_sums);
        }
        const Output floats = { .bias = b, .finish = finish, .data = wanted, .stride = n, .slopes = b };
        Output output = floats;
        kernels->finish(sums, width, m, n, width, &floats);
        output.scales = scales;
        output.column_factors = factors;
        output.column_sums = column_sums;
        output.data = got;
        kernels->finish((const float *)(const void *)whole, width, m, n, width, &output);
        output.halves = true;
        output.data = halves;
        kernels->finish((const float *)(const void *)whole, width, m, n, width, &output);
        kernels->widen(wide, halves, m * n, WEIGHT_BF16);
        for (size_t i = 0; i < m * n; i++) {
                assert_near(got[i], wanted[i], 2e-6);
                assert_near(wide[i], wanted[i], finish == FINISH_GEGLU ? 0.0045 : 0.00391);
        }
}

static void finish_of(const Kernels *kernels)
{
        for (Finish finish = FINISH_PLAIN; finish <= FINISH_GEGLU; finish++)
                for (size_t n = 1; n <= 35; n++) {
                        compare_finish(kernels, finish, n, n % 2, n % 3 == 0);
                        compare_finish(kernels, finish, n, n % 3 == 0, n % 2);
                        compare_finish_of_bytes(kernels, finish, n);
                }
}

static void test_finish(void **state)
{
        (void)state;
        for_each_kernels(finish_of);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_widen),
                cmocka_unit_test(test_product),
                cmocka_unit_test(test_narrow),
                cmocka_unit_test(test_quantise),
                cmocka_unit_test(test_finish),
        };

        (void)argc;
        if (blas_ensure_core(argv) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

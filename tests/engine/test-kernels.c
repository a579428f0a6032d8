/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/kernels/blas.h"
#include "tests/engine/numbers.h"

static const size_t lengths[] = { 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 77, 100 };

static void exp_of(const Kernels *kernels)
{
        /* All of the range in small steps; the sum over one element is that element. */
        for (double x = -87; x <= 88; x += 0.0137) {
                float value = (float)x;
                float sum = kernels->exp_sum(&value, 1, 1, 0);
                double wanted = exp((double)(float)x);

                assert_true(sum == value);
                if (fabs(value - wanted) > 2e-7 * wanted)
                        fail_msg("%s: exp(%.9g) = %.9g instead of %.9g", kernels->name, (double)(float)x,
                                 (double)value, wanted);
        }

        float extremes[] = { -1000, -INFINITY, 1000, INFINITY, NAN };
        (void)kernels->exp_sum(extremes, ELEMENTSOF(extremes), 1, 0);
        assert_true(extremes[0] < 2e-38f && extremes[0] >= 0 && extremes[1] < 2e-38f);
        assert_true(extremes[2] > 1e38f && extremes[3] > 1e38f);
        assert_true(isnan(extremes[4]));
}

static void test_exp(void **state)
{
        (void)state;
        for_each_kernels(exp_of);
}

static void exp_sum_of(const Kernels *kernels)
{
        Numbers numbers = { 1 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                size_t n = lengths[i];
                _cleanup_(freep) float *x = numbers_new(&numbers, n), *before = malloc(n * sizeof *x);
                double wanted = 0;

                memcpy(before, x, n * sizeof *x);
                float got = kernels->exp_sum(x, n, 0.7f, 1.5f);
                for (size_t j = 0; j < n; j++) {
                        assert_near(x[j], exp(before[j] * 0.7 - 1.5), 5e-7);
                        wanted += x[j];
                }
                assert_near(got, wanted, 1e-6);
        }
}

static void test_exp_sum(void **state)
{
        (void)state;
        for_each_kernels(exp_sum_of);
}

static double finish_in_double(double x, Finish finish)
{
        switch (finish) {
        case FINISH_SILU:
                return x / (1 + exp(-x));
        case FINISH_GELU:
                return 0.5 * x * erfc(-x / sqrt(2));
        case FINISH_QUICK_GELU:
                return x / (1 + exp(-1.702 * x));
        default:
                return x;
        }
}

static void activate_of(const Kernels *kernels)
{
        static const Finish finishes[] = { FINISH_PLAIN, FINISH_SILU, FINISH_GELU, FINISH_QUICK_GELU };

        for (size_t i = 0; i < ELEMENTSOF(finishes); i++)
                for (double x = -100; x < 100; x += fabs(x) < 12 ? 0.0123 : 1.7) {
                        float value = (float)x, got;
                        kernels->activate(&got, &value, 1, finishes[i]);
                        assert_near(got, finish_in_double(value, finishes[i]), 3e-7);
                }
}

static void test_activate(void **state)
{
        (void)state;
        for_each_kernels(activate_of);
}

static void simple_of(const Kernels *kernels)
{
        Numbers numbers = { 2 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                size_t n = lengths[i];
                _cleanup_(freep) float *a = numbers_new(&numbers, n), *b = numbers_new(&numbers, n);
                _cleanup_(freep) float *sum = numbers_new(&numbers, n);
                float largest = a[0];

                kernels->add(sum, a, b, n);
                for (size_t j = 0; j < n; j++) {
                        assert_true(sum[j] == a[j] + b[j]);
                        largest = fmaxf(largest, a[j]);
                }
                assert_true(kernels->maximum(a, n) == largest);
                kernels->scale(sum, n, 0.5f);
                for (size_t j = 0; j < n; j++)
                        assert_true(sum[j] == (a[j] + b[j]) * 0.5f);
        }
}

static void test_simple(void **state)
{
        (void)state;
        for_each_kernels(simple_of);
}

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
                     stride = width + 5;
        _cleanup_(freep) char *a = malloc(padded * length * element), *b = malloc(depth * width * element);
        _cleanup_(freep) double *a_wanted = calloc(padded * length + 1, sizeof *a_wanted),
                                *b_wanted = calloc(depth * width + 1, sizeof *b_wanted);
        _cleanup_(freep) float *sums = numbers_new(&numbers, padded * stride),
                               *before = malloc(padded * stride * sizeof *sums);
        _cleanup_(freep) float *scratch = numbers_new(&numbers, m * depth);
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
        for (size_t i = 0; i < padded; i++) /* in no order, some more than once */
                rows[i] = a + (i < m ? (i * 7) % padded : 0) * length * element;
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
        products->multiply(&product);
        for (size_t i = 0; i < padded; i++)
                for (size_t j = 0; j < stride; j++) {
                        double wanted = add && i < m ? sum_at(products, before, i * stride + j) : 0,
                               size = fabs(wanted) + 1;
                        const size_t row = (i < m ? (i * 7) % padded : 0) * length + offset;

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
        static const size_t ms[] = { 1, 2, 5, 6, 7, 12, 13, 16, 33 }, groups[] = { 1, 2, 3, 5, 17, 64, 130 };

        for (Precision precision = PRECISION_F32; precision < PRECISION_MAX; precision++) {
                const Products *products = kernels->products[precision];

                if (!products)
                        continue;
                assert_int_equal(products->precision, precision);
                for (size_t i = 0; i < ELEMENTSOF(ms); i++)
                        for (size_t j = 0; j < ELEMENTSOF(groups); j++)
                                for (size_t width = products->lanes; width <= MIN(products->panel, 80u);
                                     width += products->lanes)
                                        compare_product(products, ms[i], groups[j] * products->group, width,
                                                        (i + j) % 2);
                compare_product(products, 9, 40, products->panel, true);
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

                kernels->range(x, n, &least, &most);
                kernels->quantise(bytes, x, n, scale);
                for (size_t j = 0; j < n; j++) {
                        wanted_least = fminf(wanted_least, x[j]);
                        wanted_most = fmaxf(wanted_most, x[j]);
                        assert_int_equal(bytes[j], (int)fmin(255, fmax(0, rint((double)x[j] * 64 + 100))));
                        sums[j] = (int32_t)(j * 1000) - 500;
                        scaled[j] = (int32_t)j * 100 + 7;
                }
                assert_true(least == wanted_least && most == wanted_most);
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

static void finish_of(const Kernels *kernels)
{
        for (Finish finish = FINISH_PLAIN; finish <= FINISH_GEGLU; finish++)
                for (size_t n = 1; n <= 35; n++) {
                        compare_finish(kernels, finish, n, n % 2, n % 3 == 0);
                        compare_finish(kernels, finish, n, n % 3 == 0, n % 2);
                }
}

static void test_finish(void **state)
{
        (void)state;
        for_each_kernels(finish_of);
}

/* Means and variances also of numbers far from zero, where sums of squares would lose all digits. */
static void moments_of(const Kernels *kernels)
{
        static const struct {
                size_t rows, channels, groups;
        } shapes[] = { { 1, 1, 1 },   { 3, 8, 4 },   { 7, 20, 4 }, { 50, 33, 3 },
                       { 9, 64, 32 }, { 2, 100, 1 }, { 1, 16, 16 } };

        for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
                const size_t rows = shapes[i].rows, channels = shapes[i].channels, groups = shapes[i].groups;
                const size_t group = channels / groups;
                Numbers numbers = { 3 };
                _cleanup_(freep) float *x = numbers_new(&numbers, rows * channels),
                                       *scratch = numbers_new(&numbers, channels);
                _cleanup_(freep) float *means = numbers_new(&numbers, groups),
                                       *squares = numbers_new(&numbers, groups);

                for (size_t j = 0; j < rows * channels; j++)
                        x[j] += 1000;
                kernels->moments(x, rows, channels, groups, means, squares, scratch);
                for (size_t g = 0; g < groups; g++) {
                        double mean = 0, square = 0, n = (double)(rows * group);
                        for (size_t j = 0; j < rows * group; j++)
                                mean += x[j / group * channels + g * group + j % group] / n;
                        for (size_t j = 0; j < rows * group; j++)
                                square += pow(x[j / group * channels + g * group + j % group] - mean, 2);
                        assert_near(means[g], mean, 1e-6);
                        assert_near(squares[g], square, 1e-4);
                }
        }
}

static void test_moments(void **state)
{
        (void)state;
        for_each_kernels(moments_of);
}

static void normalise_of(const Kernels *kernels)
{
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                const size_t rows = 3, channels = lengths[i];
                Numbers numbers = { 4 };
                _cleanup_(freep) float *x = numbers_new(&numbers, rows * channels),
                                       *out = numbers_new(&numbers, rows * channels);
                _cleanup_(freep) float *mean = numbers_new(&numbers, channels),
                                       *factor = numbers_new(&numbers, channels);
                _cleanup_(freep) float *shift = numbers_new(&numbers, channels);

                for (int silu = 0; silu < 2; silu++) {
                        kernels->normalise(out, x, rows, channels, mean, factor, shift, silu, false);
                        for (size_t j = 0; j < rows * channels; j++) {
                                size_t c = j % channels;
                                double y = ((double)x[j] - mean[c]) * factor[c] + shift[c];
                                assert_near(out[j], silu ? finish_in_double(y, FINISH_SILU) : y, 1e-6);
                        }
                }
        }
}

static void test_normalise(void **state)
{
        (void)state;
        for_each_kernels(normalise_of);
}

static void layer_norm_of(const Kernels *kernels)
{
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                const size_t rows = 3, channels = lengths[i];
                Numbers numbers = { 5 };
                _cleanup_(freep) float *x = numbers_new(&numbers, rows * channels),
                                       *before = malloc(rows * channels * sizeof *x);
                _cleanup_(freep) float *gamma = numbers_new(&numbers, channels),
                                       *beta = numbers_new(&numbers, channels);

                for (size_t j = 0; j < rows * channels; j++)
                        before[j] = x[j] += 100;
                kernels->layer_norm(x, x, rows, channels, gamma, beta, 1e-5f, false);
                for (size_t row = 0; row < rows; row++) {
                        const float *line = before + row * channels;
                        double mean = 0, square = 0;
                        for (size_t c = 0; c < channels; c++)
                                mean += line[c] / (double)channels;
                        for (size_t c = 0; c < channels; c++)
                                square += pow(line[c] - mean, 2) / (double)channels;
                        for (size_t c = 0; c < channels; c++)
                                assert_near(x[row * channels + c],
                                            (line[c] - mean) / sqrt(square + 1e-5) * gamma[c] + beta[c],
                                            5e-5);
                }
        }
}

static void test_layer_norm(void **state)
{
        (void)state;
        for_each_kernels(layer_norm_of);
}

/* IMAGINED_ISA lowers the choice, and nothing raises it above what the processor has. */
static void test_choice(void **state)
{
        (void)state;
        const CpuIsa best = cpu_isa();

        assert_int_equal(setenv("IMAGINED_ISA", "generic", 1), 0);
        assert_int_equal(cpu_isa(), CPU_GENERIC);
        assert_string_equal(kernels_get()->name, "generic");
        assert_string_equal(kernels_get()->products[PRECISION_F32]->name, "openblas");
        /* What is missing is computed in floats. */
        assert_int_equal(kernels_precision(PRECISION_BF16, PRECISION_F32), PRECISION_F32);
        assert_int_equal(kernels_precision(PRECISION_AUTO, PRECISION_BF16), PRECISION_F32);
        assert_int_equal(setenv("IMAGINED_ISA", "avx1024", 1), 0);
        assert_int_equal(cpu_isa(), best);
        assert_int_equal(unsetenv("IMAGINED_ISA"), 0);
        if (cpu_isa() >= CPU_AVX512_BF16) {
                assert_int_equal(kernels_precision(PRECISION_AUTO, PRECISION_BF16), PRECISION_BF16);
                assert_int_equal(kernels_precision(PRECISION_INT8, PRECISION_BF16), PRECISION_INT8);
                assert_int_equal(kernels_precision(PRECISION_F32, PRECISION_BF16), PRECISION_F32);
        }
        if (cpu_isa() >= CPU_AVX512)
                assert_string_equal(cpu_blas_core(), "SKYLAKEX");
}

/* The program as it was started anew: OpenBLAS runs the kernels that were asked for, in one thread. */
static void test_blas_core(void **state)
{
        (void)state;
        if (!cpu_blas_core())
                skip();
        assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "1");
        assert_string_equal(getenv("OPENBLAS_CORETYPE"), cpu_blas_core());
        assert_int_equal(strcasecmp(blas_core(), cpu_blas_core()), 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_blas_core), cmocka_unit_test(test_choice),
                cmocka_unit_test(test_exp),       cmocka_unit_test(test_exp_sum),
                cmocka_unit_test(test_activate),  cmocka_unit_test(test_simple),
                cmocka_unit_test(test_widen),     cmocka_unit_test(test_product),
                cmocka_unit_test(test_narrow),    cmocka_unit_test(test_quantise),
                cmocka_unit_test(test_finish),    cmocka_unit_test(test_moments),
                cmocka_unit_test(test_normalise), cmocka_unit_test(test_layer_norm),
        };

        (void)argc;
        if (blas_ensure_core(argv) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/kernels/blas.h"
#include "tests/engine/kernels.h"

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

/* To bfloat16, for weights that are at most 1: half a unit of its 8 bits, and a hundredth of that; where products are of bfloat16,
 * two thirds of it. */
static void exp_sum_halves_of(const Kernels *kernels)
{
        const bool is_short = kernels->products[PRECISION_BF16];
        const double tolerance = is_short ? 0.0064 : 0x1p-8 * 1.01, sum_tolerance = is_short ? 0.0064 : 4e-6;
        Numbers numbers = { 2 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                const size_t n = lengths[i];
                _cleanup_(freep) float *x = numbers_new(&numbers, n);
                _cleanup_(freep) uint16_t *halves = calloc(n + 1, sizeof *halves);
                double wanted = 0;

                for (size_t j = 0; j < n; j++)
                        x[j] = j % 7 == 3 ? -1000 : 0.5f / 0.7f - fabsf(x[j]) * 20; /* some of them nothing beside the others */
                halves[n] = 0x1234;
                float got = kernels->exp_sum_halves(halves, x, n, 0.7f, 0.5f);
                for (size_t j = 0; j < n; j++) {
                        const double e = exp(x[j] * 0.7 - 0.5);
                        const uint32_t bits = (uint32_t)halves[j] << 16;
                        float rounded;

                        memcpy(&rounded, &bits, sizeof rounded);
                        if (!(fabs(rounded - e) <= e * tolerance + 2e-38))
                                fail_msg("%s: e^%g is %g instead of %g", kernels->name, x[j] * 0.7 - 0.5, (double)rounded, e);
                        wanted += e;
                }
                assert_true(fabs(got - wanted) <= wanted * sum_tolerance + 1e-36);
                assert_int_equal(halves[n], 0x1234);
        }

        const float extremes[] = { 0, NAN };
        uint16_t halves[2];
        (void)kernels->exp_sum_halves(halves, extremes, 2, 1, 0);
        assert_int_equal(halves[0], 0x3f80); /* exactly 1 */
        assert_true(halves[1] > 0x7f80 || (is_short && halves[1] == 0));
}

/* Scores of bytes: the same weights as of the numbers that they stand for, up to what is the same for all keys of a query. */
static void byte_scores_of(const Kernels *kernels)
{
        enum { TOKENS = 7 };
        const ByteScores *scores = kernels->byte_scores;
        Numbers numbers = { 4 };

        for (size_t i = 0; scores && i < ELEMENTSOF(lengths); i++) {
                const size_t n = lengths[i];
                _cleanup_(freep) float *keys = numbers_new(&numbers, TOKENS * n), *query = numbers_new(&numbers, n),
                                       *least = numbers_new(&numbers, n), *most = numbers_new(&numbers, n),
                                       *factors = numbers_new(&numbers, n), *inverses = numbers_new(&numbers, n);
                _cleanup_(freep) uint16_t *halves = malloc(TOKENS * n * sizeof *halves), *query_halves = malloc(n * sizeof *halves);
                _cleanup_(freep) uint8_t *key = malloc(n);
                _cleanup_(freep) int8_t *bytes = malloc(n), *same = malloc(n);

                kernels->narrow(halves, keys, TOKENS * n);
                kernels->widen(keys, halves, TOKENS * n, WEIGHT_BF16);
                kernels->narrow(query_halves, query, n);
                kernels->widen(query, query_halves, n, WEIGHT_BF16);
                scores->key_ranges(halves, TOKENS, n, n, least, most);
                for (size_t j = 0; j < n; j++) {
                        float low = INFINITY, high = -INFINITY;

                        for (size_t token = 0; token < TOKENS; token++) {
                                low = fminf(low, keys[token * n + j]);
                                high = fmaxf(high, keys[token * n + j]);
                        }
                        assert_true(least[j] == low && most[j] == high);
                        factors[j] = (high - low) / 255;
                        inverses[j] = 1 / factors[j];
                }
                for (size_t token = 0; token < TOKENS; token++) {
                        scores->quantise_key(key, halves + token * n, n, least, inverses);
                        for (size_t j = 0; j < n; j++)
                                assert_true(fabsf(key[j] * factors[j] + least[j] - keys[token * n + j]) <= 0.51f * factors[j]);
                }
                const float scale = scores->quantise_query(bytes, query, n, factors, false);
                assert_true(scale == scores->quantise_query(same, query_halves, n, factors, true));
                assert_memory_equal(bytes, same, n);
                for (size_t j = 0; j < n; j++)
                        assert_true(fabsf(bytes[j] * scale - query[j] * factors[j]) <= 0.51f * scale && abs(bytes[j]) <= 127);
        }
}

/* The largest of some sums, and their weights beside those of the same numbers as floats. */
static void byte_weights_of(const Kernels *kernels)
{
        const ByteScores *scores = kernels->byte_scores;
        Numbers numbers = { 6 };

        for (size_t i = 0; scores && i < ELEMENTSOF(lengths); i++) {
                const size_t n = lengths[i];
                _cleanup_(freep) float *x = numbers_new(&numbers, n);
                _cleanup_(freep) int32_t *sums = malloc(n * sizeof *sums);
                _cleanup_(freep) uint16_t *got = calloc(n + 1, sizeof *got), *wanted = calloc(n + 1, sizeof *wanted);
                int32_t largest = INT32_MIN;

                for (size_t j = 0; j < n; j++) {
                        sums[j] = (int32_t)(x[j] * 1e6f) - 2000000;
                        x[j] = (float)sums[j];
                        largest = MAX(largest, sums[j]);
                }
                assert_int_equal(scores->largest((const float *)(const void *)sums, n), largest);
                const float top = 1e-5f * (float)largest;
                assert_true(scores->exp_sum(got, (const float *)(const void *)sums, n, 1e-5f, top) ==
                            kernels->exp_sum_halves(wanted, x, n, 1e-5f, top));
                assert_memory_equal(got, wanted, (n + 1) * sizeof *got);
        }
}

static void test_byte_scores(void **state)
{
        (void)state;
        for_each_kernels(byte_scores_of);
        for_each_kernels(byte_weights_of);
}

static void test_exp_sum_halves(void **state)
{
        (void)state;
        for_each_kernels(exp_sum_halves_of);
}

static void maximum_of(const Kernels *kernels)
{
        Numbers numbers = { 3 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                for (size_t at = 0; at < lengths[i]; at++) {
                        _cleanup_(freep) float *x = numbers_new(&numbers, lengths[i]);

                        for (size_t j = 0; j < lengths[i]; j++)
                                x[j] -= 1000;
                        x[at] = -7;
                        assert_true(kernels->maximum(x, lengths[i]) == -7);
                }
}

static void test_maximum(void **state)
{
        (void)state;
        for_each_kernels(maximum_of);
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

/* What the bytes stand for is what the floats are, to half a step. */
static void check_layer_norm_bytes(
                const Kernels *kernels, const float *x, size_t rows, size_t channels, const float *gamma, const float *beta,
                const float *wanted)
{
        _cleanup_(freep) uint8_t *bytes = malloc(rows * channels);
        _cleanup_(freep) float *scratch = malloc(channels * sizeof *scratch);
        _cleanup_(freep) ByteScale *scales = malloc(rows * sizeof *scales);

        kernels->layer_norm_bytes(bytes, scales, x, rows, channels, gamma, beta, 1e-5f, scratch);
        for (size_t row = 0; row < rows; row++) {
                float largest = 0;

                for (size_t c = 0; c < channels; c++) {
                        const double got = (double)scales[row].factor * (bytes[row * channels + c] - scales[row].zero);
                        assert_true(fabs(got - wanted[row * channels + c]) <= 0.501 * scales[row].factor);
                        largest = fmaxf(largest, fabsf(wanted[row * channels + c]));
                }
                assert_true(scales[row].factor <= largest / 127);
        }
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
                check_layer_norm_bytes(kernels, before, rows, channels, gamma, beta, x);
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
        if (cpu_isa() >= CPU_AVX512_BF16 && !lacks_tiles(cpu_isa())) {
                assert_int_equal(kernels_precision(PRECISION_AUTO, PRECISION_BF16), PRECISION_BF16);
                assert_int_equal(kernels_precision(PRECISION_INT8, PRECISION_BF16), PRECISION_INT8);
                assert_int_equal(kernels_precision(PRECISION_F32, PRECISION_BF16), PRECISION_F32);
        }
        if (cpu_isa() >= CPU_AVX512 && !cpu_emulates_tiles())
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
                cmocka_unit_test(test_blas_core),
                cmocka_unit_test(test_choice),
                cmocka_unit_test(test_exp),
                cmocka_unit_test(test_exp_sum),
                cmocka_unit_test(test_exp_sum_halves),
                cmocka_unit_test(test_byte_scores),
                cmocka_unit_test(test_maximum),
                cmocka_unit_test(test_activate),
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_moments),
                cmocka_unit_test(test_normalise),
                cmocka_unit_test(test_layer_norm),
        };

        (void)argc;
        if (blas_ensure_core(argv) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}

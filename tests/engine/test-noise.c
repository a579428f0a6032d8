/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PyTorch's generator: raw words exact, normals to 2e-6. */

#include <math.h>

#include "engine/denoise/noise.h"
#include "tests/engine/fixtures.h"

static void check_normals(const float *found, const json_t *expected, const char *what)
{
        for (size_t i = 0; i < json_array_size(expected); i++) {
                double value = json_number_value(json_array_get(expected, i));
                if (!(fabs((double)found[i] - value) <= 2e-6))
                        fail_msg("%s: value %zu is %.9g, not %.9g", what, i, (double)found[i], value);
        }
}

/* One draw: its first and last values, and its sum. */
static void check_single(const json_t *draw)
{
        size_t n = (size_t)json_integer_value(json_object_get(draw, "size"));
        const json_t *last = json_object_get(draw, "last");
        _cleanup_(freep) float *values = calloc(n, sizeof(float));
        Noise noise;
        double sum = 0;

        noise_seed(&noise, strtoull(json_string_value(json_object_get(draw, "seed")), NULL, 10));
        noise_normals(&noise, values, n);
        check_normals(values, json_object_get(draw, "first"), "first");
        check_normals(values + n - json_array_size(last), last, "last");
        for (size_t i = 0; i < n; i++)
                sum += (double)values[i];
        assert_true(fabs(sum - json_number_value(json_object_get(draw, "sum_f64"))) <= 2e-6 * (double)n);
}

/* Several draws from one generator: a normal that is left over from a short draw is kept for the next short
 * one. */
static void check_sequence(const json_t *sequence)
{
        const json_t *sizes = json_object_get(sequence, "sizes"),
                     *draws = json_object_get(sequence, "draws");
        Noise noise;

        noise_seed(&noise, (uint64_t)json_integer_value(json_object_get(sequence, "seed")));
        for (size_t i = 0; i < json_array_size(sizes); i++) {
                float values[256];
                size_t n = (size_t)json_integer_value(json_array_get(sizes, i));
                assert_true(n <= ELEMENTSOF(values));
                noise_normals(&noise, values, n);
                check_normals(values, json_array_get(draws, i), "sequence");
        }
}

static void check_words(const json_t *words)
{
        const json_t *expected = json_object_get(words, "random_below_2_31");
        Noise noise;

        noise_seed(&noise, strtoull(json_string_value(json_object_get(words, "seed")), NULL, 10));
        for (size_t i = 0; i < json_array_size(expected); i++)
                assert_int_equal(noise_word(&noise) & 0x7fffffff,
                                 json_integer_value(json_array_get(expected, i)));
}

static void check_all(const char *path, const char *words_key, size_t n_single)
{
        json_t *root = load_json(path), *value;
        size_t i;

        json_array_foreach (json_object_get(root, "single"), i, value)
                check_single(value);
        assert_int_equal(i, n_single);
        json_array_foreach (json_object_get(root, "sequences"), i, value)
                check_sequence(value);
        assert_true(i >= 8);
        json_array_foreach (json_object_get(root, words_key), i, value)
                check_words(value);
        assert_true(i >= 1);
        json_decref(root);
}

static void test_fixture(void **state)
{
        (void)state;
        check_all(fixture("randn.json").text, "words", 8);
}

static void test_goldens(void **state)
{
        (void)state;
        check_all(shared("goldens/randn.json").text, "other", 25);
}

/* The 10000th word of the generator seeded with 5489, which the C++ standard (rand.predef) demands. */
static void test_standard(void **state)
{
        (void)state;
        Noise noise;
        uint32_t word = 0;

        noise_seed(&noise, 5489);
        for (int i = 0; i < 10000; i++)
                word = noise_word(&noise);
        assert_int_equal(word, 4123659995U);
}

static void test_high_bits_of_the_seed(void **state)
{
        (void)state;
        Noise a, b;

        noise_seed(&a, 42);
        noise_seed(&b, (UINT64_C(1) << 32) + 42);
        assert_int_equal(noise_word(&a), noise_word(&b));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fixture),
                cmocka_unit_test(test_goldens),
                cmocka_unit_test(test_standard),
                cmocka_unit_test(test_high_bits_of_the_seed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

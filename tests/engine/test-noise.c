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

/* The known answers that Random123 comes with (kat_vectors, philox4x32, 10 rounds). */
static void test_philox_words(void **state)
{
        (void)state;
        static const struct {
                uint32_t counter[4], key[2], expected[4];
        } cases[] = {
                { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
                { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
                  { 0xffffffff, 0xffffffff },
                  { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
                { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
                  { 0xa4093822, 0x299f31d0 },
                  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t counter[4];
                memcpy(counter, cases[i].counter, sizeof(counter));
                philox_4x32(counter, cases[i].key);
                assert_memory_equal(counter, cases[i].expected, sizeof(counter));
        }
}

/* Two draws of four from a plain Python after rng_philox.py; the first of seeds 0 and 42 are what torch.randn gives on
 * a GPU, too. */
static void test_philox_normals(void **state)
{
        (void)state;
        static const struct {
                uint64_t seed;
                float expected[2][4];
        } cases[] = {
                { 0,
                  { { -0.9246624112F, -0.4253439605F, -2.6438457966F, 0.1451838762F },
                    { 0.1808258891F, -0.5522627234F, 0.9238134027F, -0.7349703312F } } },
                { 42,
                  { { 0.1940188706F, 2.1613738537F, -0.1720509529F, 0.849059999F },
                    { 0.1391374916F, -0.108216159F, -0.7174221873F, 0.7566486597F } } },
                { (UINT64_C(1) << 40) + 7,
                  { { -0.479049802F, -1.2782505751F, -0.2415663749F, -0.3849994838F },
                    { -0.2732715011F, 0.1538865268F, -1.1433409452F, 0.6782835722F } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Noise noise;
                noise_init(&noise, RNG_PHILOX, cases[i].seed);
                for (int draw = 0; draw < 2; draw++) {
                        float found[4];
                        noise_normals(&noise, found, 4);
                        for (int k = 0; k < 4; k++)
                                assert_true(fabs((double)found[k] - (double)cases[i].expected[draw][k]) <= 1e-6);
                }
        }
}

/* Columns of two numbers: halfway on the circle between (1, 0) and (0, 2), and along a line where they are parallel. */
static void test_mix(void **state)
{
        (void)state;
        float noise[4] = { 1, 3, 0, 0 };
        const float other[4] = { 0, 5, 2, 0 };
        const double half = sqrt(0.5);

        noise_mix(noise, other, 0.5, 1, 2, 2);
        assert_true(fabs((double)noise[0] - half) <= 1e-6);
        assert_true(fabs((double)noise[2] - 2 * half) <= 1e-6);
        assert_true(fabs((double)noise[1] - 4) <= 1e-6);
        assert_true(fabs((double)noise[3]) <= 1e-6);

        float kept[4] = { 1, 3, 0, 7 }, whole[4] = { 1, 3, 0, 7 };
        noise_mix(kept, other, 0, 2, 2, 1);
        assert_true(fabs((double)kept[1] - 3) <= 1e-6 && fabs((double)kept[3] - 7) <= 1e-6);
        noise_mix(whole, other, 1, 2, 2, 1);
        assert_true(fabs((double)whole[1] - 5) <= 1e-6 && fabs((double)whole[2] - 2) <= 1e-6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fixture),
                cmocka_unit_test(test_goldens),
                cmocka_unit_test(test_standard),
                cmocka_unit_test(test_philox_words),
                cmocka_unit_test(test_philox_normals),
                cmocka_unit_test(test_mix),
                cmocka_unit_test(test_high_bits_of_the_seed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

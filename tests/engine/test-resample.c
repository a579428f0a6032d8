/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lanczos interpolation: against the definition, pixel by pixel, and by what it must keep. */

#include "tests/engine/fixtures.h"

#include <math.h>

#include "engine/denoise/noise.h"
#include "engine/image/touches/resample.h"

static Tensor random_picture(Compute *c, uint32_t h, uint32_t w)
{
        Tensor picture = compute_tensor(c, 1, h, w, 3);
        Noise noise;

        assert_non_null(picture.data);
        noise_seed(&noise, 11);
        noise_normals(&noise, picture.data, tensor_elements(&picture));
        return picture;
}

static double kernel(double x)
{
        return fabs(x) >= 3      ? 0
               : fabs(x) < 1e-12 ? 1
                                 : sin(M_PI * x) / (M_PI * x) * sin(M_PI * x / 3) / (M_PI * x / 3);
}

/* One sample of the two-dimensional sum, in float64, edges repeated; stretched where there are fewer samples than
 * pixels. */
static double sample(const Tensor *t, double y, double x, double stretch_y, double stretch_x, uint32_t channel)
{
        const int reach_y = (int)(3 * stretch_y) + 1, reach_x = (int)(3 * stretch_x) + 1;
        double sum = 0, weights = 0;

        for (int j = (int)floor(y) - reach_y; j <= (int)floor(y) + reach_y + 1; j++)
                for (int i = (int)floor(x) - reach_x; i <= (int)floor(x) + reach_x + 1; i++) {
                        double weight = kernel((y - j) / stretch_y) * kernel((x - i) / stretch_x);
                        size_t row = (size_t)MIN(MAX(j, 0), (int)t->h - 1),
                               column = (size_t)MIN(MAX(i, 0), (int)t->w - 1);
                        sum += weight * (double)t->data[(row * t->w + column) * t->c + channel];
                        weights += weight;
                }
        return sum / weights;
}

static void check_size(uint32_t h, uint32_t w, uint32_t factor)
{
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = random_picture(&c, h, w), large;

        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, w, h }, w * factor, h * factor, &large), 0);
        assert_int_equal(large.h, h * factor);
        assert_int_equal(large.w, w * factor);
        for (uint32_t y = 0; y < large.h; y++)
                for (uint32_t x = 0; x < large.w; x++)
                        for (uint32_t ch = 0; ch < 3; ch++) {
                                double expected = sample(&picture, (y + 0.5) / factor - 0.5,
                                                         (x + 0.5) / factor - 0.5, 1, 1, ch);
                                double found = (double)large.data[((size_t)y * large.w + x) * 3 + ch];
                                if (!(fabs(found - expected) <= 1e-5))
                                        fail_msg("%u x %u by %u: %g, not %g at %u, %u", w, h, factor, found,
                                                 expected, x, y);
                        }
        arena_free(c.arena);
}

static void test_definition(void **state)
{
        (void)state;
        for (uint32_t factor = 1; factor <= 8; factor++) {
                check_size(7, 5, factor);
                check_size(1, 1, factor);
                check_size(2, 9, factor);
        }
}

/* Any part to any size, larger along one side and smaller along the other. */
static void test_parts(void **state)
{
        (void)state;
        const Area area = { 3.3, 1.25, 21.4, 17.5 };
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = random_picture(&c, 20, 30), part;

        assert_int_equal(resample(&c, &picture, &area, 9, 31, &part), 0);
        for (uint32_t y = 0; y < 31; y++)
                for (uint32_t x = 0; x < 9; x++) {
                        double expected = sample(&picture, area.y + (y + 0.5) * area.height / 31 - 0.5,
                                                 area.x + (x + 0.5) * area.width / 9 - 0.5, 1, area.width / 9, 2);
                        double found = (double)part.data[((size_t)y * 9 + x) * 3 + 2];
                        if (!(fabs(found - expected) <= 1e-5))
                                fail_msg("%g, not %g at %u, %u", found, expected, x, y);
                }
        arena_free(c.arena);
}

/* A part of whole pixels at its own size is just those. */
static void test_cutting(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = random_picture(&c, 20, 30), part;

        assert_int_equal(resample(&c, &picture, &(Area) { 4, 3, 11, 10 }, 11, 10, &part), 0);
        for (size_t y = 0; y < 10; y++)
                for (size_t i = 0; i < 33; i++)
                        assert_true(fabsf(part.data[y * 33 + i] - picture.data[((y + 3) * 30 + 4) * 3 + i]) < 1e-6F);
        arena_free(c.arena);
}

static void test_constant_stays(void **state)
{
        (void)state;
        Compute c = { .threads = 1, .arena = arena_new(0) };
        Tensor picture = compute_tensor(&c, 1, 4, 6, 3), large;

        for (size_t i = 0; i < tensor_elements(&picture); i++)
                picture.data[i] = 0.25F;
        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, 6, 4 }, 24, 16, &large), 0);
        for (size_t i = 0; i < tensor_elements(&large); i++)
                assert_true(fabsf(large.data[i] - 0.25F) < 1e-6F);
        arena_free(c.arena);
}

static void test_same_bits(void **state)
{
        (void)state;
        Compute one = { .threads = 1, .arena = arena_new(0) },
                three = { .threads = 3, .arena = arena_new(0) };
        Tensor picture = random_picture(&one, 33, 21), a, b;

        assert_int_equal(resample(&one, &picture, &(Area) { 0, 0, 21, 33 }, 84, 132, &a), 0);
        assert_int_equal(resample(&three, &picture, &(Area) { 0, 0, 21, 33 }, 84, 132, &b), 0);
        assert_memory_equal(a.data, b.data, tensor_elements(&a) * sizeof(float));
        arena_free(one.arena);
        arena_free(three.arena);
}

static void test_nothing(void **state)
{
        (void)state;
        Compute c = { .threads = 1, .arena = arena_new(0) };
        Tensor picture = random_picture(&c, 2, 2), large;

        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, 2, 2 }, 0, 4, &large), -EINVAL);
        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, 0, 2 }, 4, 4, &large), -EINVAL);
        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, 2, NAN }, 4, 4, &large), -EINVAL);
        arena_free(c.arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_definition), cmocka_unit_test(test_parts),
                cmocka_unit_test(test_cutting),    cmocka_unit_test(test_constant_stays),
                cmocka_unit_test(test_same_bits),  cmocka_unit_test(test_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

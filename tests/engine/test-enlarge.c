/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lanczos enlargement: against the definition, pixel by pixel, and by what it must keep. */

#include "tests/engine/fixtures.h"

#include <math.h>

#include "engine/denoise/noise.h"
#include "engine/engine.h"
#include "engine/image/touches/enlarge.h"

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

/* One sample of the two-dimensional sum, in float64, edges repeated. */
static double sample(const Tensor *t, double y, double x, uint32_t channel)
{
        double sum = 0, weights = 0;

        for (int j = (int)floor(y) - 3; j <= (int)floor(y) + 4; j++)
                for (int i = (int)floor(x) - 3; i <= (int)floor(x) + 4; i++) {
                        double weight = kernel(y - j) * kernel(x - i);
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

        assert_int_equal(enlarge(&c, &picture, factor, &large), 0);
        assert_int_equal(large.h, h * factor);
        assert_int_equal(large.w, w * factor);
        for (uint32_t y = 0; y < large.h; y++)
                for (uint32_t x = 0; x < large.w; x++)
                        for (uint32_t ch = 0; ch < 3; ch++) {
                                double expected = sample(&picture, (y + 0.5) / factor - 0.5,
                                                         (x + 0.5) / factor - 0.5, ch);
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
        for (uint32_t factor = 1; factor <= ENLARGE_MAX; factor++) {
                check_size(7, 5, factor);
                check_size(1, 1, factor);
                check_size(2, 9, factor);
        }
}

static void test_constant_stays(void **state)
{
        (void)state;
        Compute c = { .threads = 1, .arena = arena_new(0) };
        Tensor picture = compute_tensor(&c, 1, 4, 6, 3), large;

        for (size_t i = 0; i < tensor_elements(&picture); i++)
                picture.data[i] = 0.25F;
        assert_int_equal(enlarge(&c, &picture, 4, &large), 0);
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

        assert_int_equal(enlarge(&one, &picture, 4, &a), 0);
        assert_int_equal(enlarge(&three, &picture, 4, &b), 0);
        assert_memory_equal(a.data, b.data, tensor_elements(&a) * sizeof(float));
        arena_free(one.arena);
        arena_free(three.arena);
}

static void test_bad_factors(void **state)
{
        (void)state;
        Compute c = { .threads = 1, .arena = arena_new(0) };
        Tensor picture = random_picture(&c, 2, 2), large;

        assert_int_equal(enlarge(&c, &picture, 0, &large), -EINVAL);
        assert_int_equal(enlarge(&c, &picture, ENLARGE_MAX + 1, &large), -EINVAL);
        arena_free(c.arena);
}

/* A model whose card says so makes larger pictures. */
static void test_in_the_pipeline(void **state)
{
        (void)state;
        char dir[] = "/tmp/model-XXXXXX", command[512];
        assert_non_null(mkdtemp(dir));
        (void)snprintf(command, sizeof(command),
                       "cp -RL tests/fixtures/tiny-model/. %s && sed -i 's/\"steps\"/\"enlarge\": 4, &/' "
                       "%s/imagined.json",
                       dir, dir);
        assert_int_equal(system(command), 0);

        _cleanup_(engine_freep) Engine *engine = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) Request *request = malloc(sizeof(*request));
        Error error = {};
        assert_non_null(request);
        request_init(request);
        if (engine_new(&engine, dir, 2, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(engine_info(engine)->size_multiple, 8);
        assert_int_equal(engine_info(engine)->width, 64);
        request->width = 72;
        request->height = 40;
        if (engine_generate(engine, request, 0, NULL, &picture, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(picture.width, 72);
        assert_int_equal(picture.height, 40);
        (void)snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_definition),      cmocka_unit_test(test_constant_stays),
                cmocka_unit_test(test_same_bits),       cmocka_unit_test(test_bad_factors),
                cmocka_unit_test(test_in_the_pipeline),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

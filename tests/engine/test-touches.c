/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The final touches: against a second implementation (reference/make-touches.py), and by measuring on made-up
 * pictures that each does what it is for, and nothing else. */

#include "tests/engine/fixtures.h"

#include <math.h>

#include "engine/image/touches/remove_artefacts.h"
#include "engine/image/touches/sharpen.h"
#include "engine/image/touches/smooth_edges.h"
#include "engine/image/touches/touches.h"

typedef int TouchFunction(Compute *compute, const Tensor *picture, double strength);

static const struct {
        const char *name;
        TouchFunction *touch;
} all[] = {
        { "remove_artefacts", remove_artefacts },
        { "smooth_edges", smooth_edges },
        { "sharpen", sharpen },
};

static Tensor make(Compute *c, uint32_t h, uint32_t w)
{
        Tensor picture = compute_tensor(c, 1, h, w, 3);
        assert_non_null(picture.data);
        return picture;
}

static Tensor copy(Compute *c, const Tensor *picture)
{
        Tensor ret = make(c, picture->h, picture->w);
        memcpy(ret.data, picture->data, tensor_elements(picture) * sizeof(float));
        return ret;
}

static void set(const Tensor *t, size_t y, size_t x, double grey)
{
        for (size_t i = 0; i < 3; i++)
                t->data[(y * t->w + x) * 3 + i] = (float)grey;
}

static double at(const Tensor *t, size_t y, size_t x)
{
        return (double)t->data[(y * t->w + x) * 3 + 1];
}

static void test_goldens(void **state)
{
        (void)state;
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(FIXTURES "/touches/touches.safetensors");
        const StoredTensor *stored = safetensors_find(file, "picture");
        Compute c = { .threads = 2, .arena = arena_new(0) };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                for (int half = 1; half <= 2; half++) {
                        Tensor picture = make(&c, (uint32_t)stored->shape[0], (uint32_t)stored->shape[1]);
                        size_t n;
                        _cleanup_(freep) float *wanted =
                                        load_floats(file, &n, "%s/%.1f", all[i].name, 0.5 * half);

                        stored_tensor_to_f32(stored, picture.data);
                        assert_int_equal(n, tensor_elements(&picture));
                        assert_true(difference(picture.data, wanted, n) > 0.02); /* it does something */
                        assert_int_equal(all[i].touch(&c, &picture, 0.5 * half), 0);
                        if (!(difference(picture.data, wanted, n) < 2e-5))
                                fail_msg("%s at %g: off by %g", all[i].name, 0.5 * half,
                                         difference(picture.data, wanted, n));
                }
        arena_free(c.arena);
}

static Tensor noisy_picture(Compute *c, uint32_t h, uint32_t w)
{
        Tensor picture = make(c, h, w);
        uint32_t seed = 7;

        for (size_t i = 0; i < tensor_elements(&picture); i++) {
                seed = seed * 1664525 + 1013904223;
                picture.data[i] = 0.5F + 0.4F * sinf((float)i / 50) + 0.1F * (float)(seed >> 8) / (1 << 24);
        }
        return picture;
}

static void test_same_bits(void **state)
{
        (void)state;
        Compute one = { .threads = 1, .arena = arena_new(0) }, three = { .threads = 3, .arena = arena_new(0) };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Tensor a = noisy_picture(&one, 37, 53), b = copy(&one, &a), off = copy(&one, &a);

                assert_int_equal(all[i].touch(&one, &off, 0), 0);
                assert_memory_equal(a.data, off.data, tensor_elements(&a) * sizeof(float));
                assert_int_equal(all[i].touch(&one, &a, 0.7), 0);
                assert_int_equal(all[i].touch(&three, &b, 0.7), 0);
                assert_memory_equal(a.data, b.data, tensor_elements(&a) * sizeof(float));
                assert_memory_not_equal(a.data, off.data, tensor_elements(&a) * sizeof(float));
        }
        arena_free(one.arena);
        arena_free(three.arena);
}

static void test_smallest_pictures(void **state)
{
        (void)state;
        static const uint32_t sizes[][2] = { { 1, 1 }, { 1, 7 }, { 5, 1 }, { 2, 2 } };
        Compute c = { .threads = 2, .arena = arena_new(0) };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                        Tensor picture = noisy_picture(&c, sizes[k][0], sizes[k][1]);
                        assert_int_equal(all[i].touch(&c, &picture, 1), 0);
                        for (size_t j = 0; j < tensor_elements(&picture); j++)
                                assert_true(isfinite(picture.data[j]));
                }
        arena_free(c.arena);
}

/* An upright edge at column 40 from 0.2 to 0.8, with waves beside it that fade away, as decoders leave them. */
static double wave(size_t x)
{
        double apart = fabs((double)x - 39.5);
        return 0.05 * cos(M_PI * apart / 2.5) * exp(-apart / 6);
}

static void test_ringing_goes_and_edges_stay(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = make(&c, 24, 80);
        double before = 0, after = 0;

        for (size_t y = 0; y < 24; y++)
                for (size_t x = 0; x < 80; x++)
                        set(&picture, y, x, (x < 40 ? 0.2 : 0.8) + wave(x));
        assert_int_equal(remove_artefacts(&c, &picture, 0.5), 0);
        for (size_t x = 0; x < 80; x++) {
                double rest = at(&picture, 12, x) - (x < 40 ? 0.2 : 0.8);
                before += wave(x) * wave(x);
                after += rest * rest;
        }
        print_message("ringing: %.0f %% of its energy is left; the edge is %.3f high\n", 100 * after / before,
                      at(&picture, 12, 40) - at(&picture, 12, 39));
        assert_true(after < 0.25 * before);
        assert_true(at(&picture, 12, 40) - at(&picture, 12, 39) > 0.95 * 0.6);
        arena_free(c.arena);
}

/* Spots of another hue in an even area go; a clearly different dot of one pixel stays. */
static void test_blotches_go_and_details_stay(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = make(&c, 48, 48);
        double before = 0, after = 0;

        for (size_t y = 0; y < 48; y++)
                for (size_t x = 0; x < 48; x++) {
                        set(&picture, y, x, 0.5);
                        const double blotch = 0.02 * sin((double)x * 1.1) * sin((double)y * 0.9);
                        picture.data[(y * 48 + x) * 3] += (float)blotch;
                        picture.data[(y * 48 + x) * 3 + 2] -= (float)blotch;
                        before += blotch * blotch;
                }
        set(&picture, 24, 24, 1);
        assert_int_equal(remove_artefacts(&c, &picture, 0.5), 0);
        assert_true(at(&picture, 24, 24) > 0.99);
        for (size_t i = 0; i < (size_t)48 * 48; i++)
                if (i != 24 * 48 + 24)
                        after += pow((double)picture.data[3 * i] - 0.5, 2);
        print_message("blotches: %.0f %% of their energy is left\n", 100 * after / before);
        assert_true(after < 0.25 * before);
        arena_free(c.arena);
}

/* A strength of next to nothing does next to nothing. */
static void test_least_strength(void **state)
{
        (void)state;
        Compute c = { .threads = 1, .arena = arena_new(0) };
        Tensor picture = make(&c, 8, 8);

        for (size_t y = 0; y < 8; y++)
                for (size_t x = 0; x < 8; x++)
                        set(&picture, y, x, (double)(x + y) / 16);
        for (double strength = 1e-3; strength > 0; strength /= 1e16) {
                assert_int_equal(remove_artefacts(&c, &picture, strength), 0);
                for (size_t y = 0; y < 8; y++)
                        for (size_t x = 0; x < 8; x++)
                                assert_true(fabs(at(&picture, y, x) - (double)(x + y) / 16) < 1e-6); /* NaN is nothing of that */
        }
        arena_free(c.arena);
}

/* How much of the pixel lies on the far side: sampled finely, or all or nothing by its middle. */
static double coverage(double (*distance)(double y, double x), size_t y, size_t x, int samples)
{
        int inside = 0;

        for (int j = 0; j < samples; j++)
                for (int i = 0; i < samples; i++)
                        inside += distance((double)y + (j + 0.5) / samples, (double)x + (i + 0.5) / samples) < 0;
        return (double)inside / (samples * samples);
}

static double steep(double y, double x)
{
        return x - 32 - 0.45 * (y - 32);
}

static double shallow(double y, double x)
{
        return y - 32 - 0.22 * (x - 32);
}

static double disc(double y, double x)
{
        return hypot(y - 32, x - 31) - 23;
}

static double upright(double y, double x)
{
        (void)y;
        return x - 20;
}

static double square(double y, double x)
{
        return MAX(fabs(y - 32), fabs(x - 32)) - 15;
}

static Tensor draw(Compute *c, double (*distance)(double y, double x), int samples)
{
        Tensor picture = make(c, 64, 64);

        for (size_t y = 0; y < 64; y++)
                for (size_t x = 0; x < 64; x++)
                        set(&picture, y, x, 0.9 - 0.7 * coverage(distance, y, x, samples));
        return picture;
}

static double energy(const Tensor *a, const Tensor *b)
{
        double sum = 0;

        for (size_t i = 0; i < tensor_elements(a); i++)
                sum += pow((double)a->data[i] - (double)b->data[i], 2);
        return sum;
}

static void test_stairs_go(void **state)
{
        (void)state;
        static double (*const shapes[])(double, double) = { steep, shallow, disc };
        Compute c = { .threads = 2, .arena = arena_new(0) };

        for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
                Tensor stairs = draw(&c, shapes[i], 1), ideal = draw(&c, shapes[i], 16);
                double before = energy(&stairs, &ideal);

                assert_int_equal(smooth_edges(&c, &stairs, 1), 0);
                print_message("stairs: %.0f %% of their energy is left\n", 100 * energy(&stairs, &ideal) / before);
                assert_true(energy(&stairs, &ideal) < 0.5 * before);
                for (size_t k = 0; k < 3; k++)
                        assert_true(stairs.data[k] == ideal.data[k]); /* far from any edge */
        }
        arena_free(c.arena);
}

static void test_straight_edges_and_corners_stay(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor edge = draw(&c, upright, 1), before = copy(&c, &edge);
        Tensor box = draw(&c, square, 1), box_before = copy(&c, &box);

        assert_int_equal(smooth_edges(&c, &edge, 1), 0);
        assert_true(difference(edge.data, before.data, tensor_elements(&edge)) < 1e-5);
        assert_int_equal(smooth_edges(&c, &box, 1), 0);
        /* Of a corner's 0.7 of contrast little is lost, and only near it. */
        assert_true(fabs(at(&box, 17, 17) - at(&box_before, 17, 17)) < 0.25);
        assert_true(fabs(at(&box, 32, 17) - at(&box_before, 32, 17)) < 1e-5);
        arena_free(c.arena);
}

static double soft_edge(size_t x)
{
        return 0.5 + 0.3 * erf(((double)x - 31.5) / 3);
}

/* Where the edge crosses a height, between pixels. */
static double crossing(const Tensor *t, double height)
{
        for (size_t x = 1; x < t->w; x++)
                if (at(t, 5, x) >= height)
                        return (double)x - (at(t, 5, x) - height) / (at(t, 5, x) - at(t, 5, x - 1));
        return NAN;
}

static void test_edges_get_steeper_without_halos(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = make(&c, 10, 64);
        double widths[2], low = 1, high = 0;

        for (size_t y = 0; y < 10; y++)
                for (size_t x = 0; x < 64; x++)
                        set(&picture, y, x, soft_edge(x));
        widths[0] = crossing(&picture, 0.74) - crossing(&picture, 0.26);
        assert_int_equal(sharpen(&c, &picture, 1), 0);
        widths[1] = crossing(&picture, 0.74) - crossing(&picture, 0.26);
        for (size_t x = 0; x < 64; x++) {
                low = MIN(low, at(&picture, 5, x));
                high = MAX(high, at(&picture, 5, x));
        }
        print_message("sharpen: from %.2f to %.2f pixels, between %.3f and %.3f\n", widths[0], widths[1], low, high);
        assert_true(widths[1] < 0.85 * widths[0]);
        assert_true(low > 0.2 - 0.01 && high < 0.8 + 0.01);
        arena_free(c.arena);
}

/* Colour differences stay, and so does what is weaker than noise. */
static void test_sharpen_leaves_hues_and_noise(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = noisy_picture(&c, 30, 30), before = copy(&c, &picture), faint = make(&c, 16, 16);

        assert_int_equal(sharpen(&c, &picture, 1), 0);
        for (size_t i = 0; i < tensor_rows(&picture); i++)
                for (size_t k = 1; k < 3; k++)
                        assert_true(fabsf((picture.data[3 * i + k] - picture.data[3 * i]) -
                                          (before.data[3 * i + k] - before.data[3 * i])) < 1e-6F);

        for (size_t i = 0; i < tensor_rows(&faint); i++)
                set(&faint, i / 16, i % 16, 0.5 + (i % 3 == 0 ? 1.0 / 255 : 0));
        before = copy(&c, &faint);
        assert_int_equal(sharpen(&c, &faint, 1), 0);
        assert_memory_equal(faint.data, before.data, tensor_elements(&faint) * sizeof(float));
        arena_free(c.arena);
}

static Tensor apply(Compute *c, const Tensor *picture, const Touches *touches)
{
        Tensor ret = copy(c, picture);
        assert_int_equal(touches_apply(c, touches, &ret), 0);
        return ret;
}

static void test_order_and_size(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        Tensor picture = noisy_picture(&c, 20, 24);
        Touches touches = {
                .order = { TOUCH_REMOVE_ARTEFACTS, TOUCH_ENLARGE, TOUCH_SMOOTH_EDGES, TOUCH_SHARPEN },
                .enlargement = { .area = { 0, 0, 24, 20 }, .width = 48, .height = 40 },
                .sharpen = 1,
        };
        Tensor after = apply(&c, &picture, &touches), wanted = copy(&c, &picture);

        assert_int_equal(after.w, 48);
        assert_int_equal(after.h, 40);
        assert_int_equal(resample(&c, &picture, &(Area) { 0, 0, 24, 20 }, 48, 40, &wanted), 0);
        for (size_t i = 0; i < tensor_elements(&wanted); i++)
                wanted.data[i] = fminf(fmaxf(wanted.data[i], 0), 1);
        assert_int_equal(sharpen(&c, &wanted, 1), 0);
        for (size_t i = 0; i < tensor_elements(&wanted); i++)
                wanted.data[i] = fminf(fmaxf(wanted.data[i], 0), 1);
        assert_memory_equal(after.data, wanted.data, tensor_elements(&wanted) * sizeof(float));

        touches.order[1] = TOUCH_SHARPEN;
        touches.order[3] = TOUCH_ENLARGE;
        Tensor first = apply(&c, &picture, &touches);
        assert_memory_not_equal(after.data, first.data, tensor_elements(&first) * sizeof(float));

        /* All off, and nothing to enlarge: not a bit changes. */
        touches.enlargement.width = 24;
        touches.enlargement.height = 20;
        touches.sharpen = 0;
        Tensor same = apply(&c, &picture, &touches);
        assert_memory_equal(same.data, picture.data, tensor_elements(&picture) * sizeof(float));
        arena_free(c.arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_goldens),
                cmocka_unit_test(test_same_bits),
                cmocka_unit_test(test_smallest_pictures),
                cmocka_unit_test(test_ringing_goes_and_edges_stay),
                cmocka_unit_test(test_blotches_go_and_details_stay),
                cmocka_unit_test(test_least_strength),
                cmocka_unit_test(test_stairs_go),
                cmocka_unit_test(test_straight_edges_and_corners_stay),
                cmocka_unit_test(test_edges_get_steeper_without_halos),
                cmocka_unit_test(test_sharpen_leaves_hues_and_noise),
                cmocka_unit_test(test_order_and_size),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures to be laid side by side: no place on the ring is different from the others after the final touches either, and
 * the option reaches the networks. (The networks themselves: test-wrap.) */

#include "engine/pipeline.h"
#include "tests/engine/engines.h"
#include "tests/engine/tensors.h"

/* A smooth pattern with some noise, in 0 to 1, that does not go on at its opposite sides. */
static Tensor pattern(Compute *c, uint32_t h, uint32_t w)
{
        Tensor ret = random_tensor(c, 1, h, w, 3, 5);

        for (size_t i = 0; i < tensor_elements(&ret); i++) {
                const size_t x = i / 3 % w, y = i / 3 / w;
                ret.data[i] = 0.25f + 0.05f * ret.data[i] + 0.4f * (float)(x + y) / (float)(w + h) + 0.1f * (x / 3 % 2 == y / 4 % 2);
        }
        return ret;
}

/* A touched picture, moved by (4, 2), less the touched picture that was moved before. */
static double unlike(Pipeline *p, Tiling tiling, double scale, uint32_t dy, uint32_t dx)
{
        _cleanup_(freep) Request *request = new_request();
        const Resolved resolved = {
                .width = (uint32_t)(40 * scale), .height = (uint32_t)(24 * scale), .drawn_width = 40, .drawn_height = 24,
                .enlarge = scale > 1 ? ENLARGE_LANCZOS : ENLARGE_NONE,
                .sharpen = 0.7, .smooth_edges = 1, .remove_artefacts = 1,
        };
        static const EngineEvents none = {};
        const PictureJob job = { .request = request, .resolved = &resolved, .events = &none };
        Tensor whole = pattern(&p->compute, 24, 40), moved = rolled(&p->compute, &whole, dy, dx);
        Error error = {};

        request->tiling = (uint8_t)tiling;
        if (pipeline_touch(p, &job, &whole, &error) < 0 || pipeline_touch(p, &job, &moved, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(whole.w, resolved.width);
        assert_int_equal(whole.h, resolved.height);
        Tensor wanted = rolled(&p->compute, &whole, (uint32_t)(dy * scale), (uint32_t)(dx * scale));
        double ret = difference(moved.data, wanted.data, tensor_elements(&wanted));
        arena_release(p->compute.arena, (ArenaMark) {});
        return ret;
}

static void test_touches(void **state)
{
        (void)state;
        _cleanup_(pipeline_done) Pipeline p = {};
        static const double scales[] = { 1, 2, 2.5, 4 };

        assert_int_equal(pipeline_load(&p, TINY, PRECISION_F32, 2, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(scales); i++) {
                assert_true(unlike(&p, TILING_BOTH, scales[i], 4, 2) < 1e-4);
                assert_true(unlike(&p, TILING_X, scales[i], 0, 6) < 1e-4);
                assert_true(unlike(&p, TILING_Y, scales[i], 6, 0) < 1e-4);
                assert_true(unlike(&p, TILING_X, scales[i], 6, 0) > 0.01);
                assert_true(unlike(&p, TILING_NONE, scales[i], 4, 2) > 0.01);
        }
}

/* 33 pixels are drawn as 34: without tiling the middle is cut out, with it all is seen. */
static void draw(Engine *engine, uint32_t tiling, Picture *ret)
{
        _cleanup_(freep) Request *request = new_request();
        Error error = {};

        (void)snprintf(request->prompt, sizeof(request->prompt), "a red fox");
        request->width = 33;
        request->height = 16;
        request->steps = 2;
        request->tiling = (uint8_t)tiling;
        if (engine_generate(engine, request, 0, NULL, ret, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(ret->width, 33);
        assert_int_equal(ret->height, 16);
}

static void test_pictures(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = NULL;
        Picture pictures[TILING_MAX + 1] = {};
        const size_t size = (size_t)33 * 16 * 3;

        assert_int_equal(engine_new(&engine, TINY, 2, NULL), 0);
        for (uint32_t i = 0; i <= TILING_MAX; i++)
                draw(engine, i % TILING_MAX, &pictures[i]);
        for (uint32_t i = 0; i < TILING_MAX; i++)
                for (uint32_t j = 0; j < i; j++)
                        assert_memory_not_equal(pictures[i].rgb, pictures[j].rgb, size);
        assert_memory_equal(pictures[TILING_MAX].rgb, pictures[0].rgb, size);
        for (uint32_t i = 0; i <= TILING_MAX; i++)
                picture_done(&pictures[i]);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_touches),
                cmocka_unit_test(test_pictures),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

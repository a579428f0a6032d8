/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures of two passes: a composition of what is tested by itself (samplers, image to image), so what is held here is the
 * enlarging between both, against PyTorch's numbers, and how they are joined. */

#include <math.h>

#include "engine/denoise/enlarge_latents.h"
#include "engine/pipeline.h"
#include "engine/source.h"
#include "tests/engine/engines.h"
#include "tests/engine/tensors.h"

/* torch.nn.functional.interpolate(torch.tensor([[[[1., 2.], [3., 5.]]]]), size=(3, 4), mode="bilinear") */
static void test_enlarging(void **state)
{
        (void)state;
        static const float from[] = { 1, 2, 3, 5 };
        static const float wanted[] = { 1, 1.25F, 1.75F, 2, 2, 2.375F, 3.125F, 3.5F, 3, 3.5F, 4.5F, 5 };
        /* From a ring of 1, 2: a quarter of the way past either. */
        static const float ring[] = { 1.25F, 1.25F, 1.75F, 1.75F };
        _cleanup_(freep) float *got = NULL, *around = NULL;

        assert_int_equal(enlarge_latents(from, 1, 2, 2, 3, 4, false, false, &got), 0);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                assert_true(fabsf(got[i] - wanted[i]) < 1e-6F);
        assert_int_equal(enlarge_latents(from, 1, 1, 2, 1, 4, true, true, &around), 0);
        for (size_t i = 0; i < ELEMENTSOF(ring); i++)
                assert_true(fabsf(around[i] - ring[i]) < 1e-6F);
}

static Request *new_hires(double scale, double strength)
{
        Request *request = new_request();
        (void)snprintf(request->prompt, sizeof(request->prompt), "a red fox");
        request->width = 32;
        request->height = 24;
        request->steps = 4;
        request->seed = 5;
        request->sampler = SAMPLER_EULER;
        request->guidance = 3;
        request->hires_scale = scale;
        request->hires_strength = strength;
        return request;
}

static void test_sizes(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *request = new_hires(2, 0.5);
        Resolved resolved;
        Error error = {};

        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.first_width, 16);
        assert_int_equal(resolved.first_height, 12);
        assert_int_equal(resolved.drawn_width, 32);
        assert_int_equal(resolved.drawn_height, 24);
        assert_int_equal(resolved.steps, 4);
        assert_int_equal(resolved.second_steps, 2);
        assert_int_equal(resolved.made_steps, 4 + 2);
        request->width = request->height = 0;
        request->hires_steps = 10;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.first_width, 16);
        assert_int_equal(resolved.width, 32);
        assert_int_equal(resolved.second_steps, 5);
        assert_int_equal(resolved.made_steps, 4 + 5);
        request->hires_scale = 0.5;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), -EINVAL);
        assert_string_equal(error.text, "hires: 0.5 is not between 1 and 4");
}

typedef struct Seen {
        uint32_t last, steps, stop_at;
        double fraction;
        void *state;
        size_t size;
} Seen;

static void on_progress(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction)
{
        Seen *seen = userdata;

        assert_true(fraction >= seen->fraction && fraction <= 1);
        seen->fraction = fraction;
        if (stage != STAGE_DENOISE || step == 0)
                return;
        assert_int_equal(step, seen->last + 1);
        seen->last = step;
        seen->steps = steps;
}

static bool on_state_wanted(void *userdata, uint32_t step)
{
        const Seen *seen = userdata;
        return step == seen->stop_at;
}

static bool on_state(void *userdata, uint32_t step, const void *data, size_t size)
{
        Seen *seen = userdata;

        assert_int_equal(step, seen->stop_at);
        seen->state = malloc(size);
        assert_non_null(seen->state);
        memcpy(seen->state, data, size);
        seen->size = size;
        return false;
}

/* From any step of either pass a picture goes on to the same bytes, and steps are counted through. */
static void test_resuming(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(freep) Request *request = new_hires(2, 0.75);
        _cleanup_(picture_done) Picture whole = {};
        Seen seen = {};
        EngineEvents events = { .userdata = &seen, .progress = on_progress };
        Error error = {};

        assert_int_equal(engine_generate(engine, request, 0, &events, &whole, &error), 0);
        assert_int_equal(whole.width, 32);
        assert_int_equal(whole.height, 24);
        assert_int_equal(seen.last, 4 + 3);
        assert_int_equal(seen.steps, 4 + 3);
        for (uint32_t step = 1; step < 7; step++) {
                _cleanup_(picture_done) Picture none = {}, again = {};
                seen = (Seen) { .stop_at = step };
                events.state_wanted = on_state_wanted;
                events.state = on_state;
                assert_int_equal(engine_generate(engine, request, 0, &events, &none, &error), -EINTR);
                assert_int_equal(seen.last, step);
                if (engine_resume(engine, request, 0, seen.state, seen.size, NULL, &again, &error) < 0)
                        fail_msg("%s", error.text);
                assert_memory_equal(again.rgb, whole.rgb, (size_t)32 * 24 * 3);
                free(seen.state);
        }
}

/* As both passes by hand: text to latents, enlarged, and image to image from there. */
static void test_composition(void **state)
{
        (void)state;
        _cleanup_(pipeline_done) Pipeline p = {};
        _cleanup_(freep) Request *request = new_hires(2, 0.75);
        _cleanup_(freep) float *small = NULL, *latents = NULL, *wanted = NULL;
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        _cleanup_(source_done) Source source = { .n_pixels = (size_t)16 * 12 };
        static const EngineEvents none = {};
        Resolved r = { .width = 32, .height = 24, .drawn_width = 32, .drawn_height = 24, .first_width = 16, .first_height = 12,
                       .steps = 4, .second_steps = 3, .sampler = SAMPLER_EULER, .guidance = 3, .enlarge = ENLARGE_NONE };
        PictureJob job = { .request = request, .resolved = &r, .seed = 5, .events = &none };
        Error error = {};

        assert_int_equal(pipeline_load(&p, TINY, PRECISION_F32, 2, NULL), 0);
        assert_int_equal(pipeline_draw_twice(&p, &job, &latents, &error), 0);

        r.drawn_width = 16;
        r.drawn_height = 12;
        assert_int_equal(pipeline_encode(&p, &job, &context, &error), 0);
        assert_int_equal(pipeline_denoise(&p, &job, context, NULL, &small, &error), 0);
        assert_int_equal(enlarge_latents(small, 4, 6, 8, 12, 16, false, false, &source.latents), 0);
        source.normals = calloc((size_t)4 * 16 * 12, sizeof(float));
        r.drawn_width = 32;
        r.drawn_height = 24;
        request->strength = 0.75;
        assert_int_equal(pipeline_denoise(&p, &job, context, &source, &wanted, &error), 0);
        assert_memory_equal(latents, wanted, (size_t)4 * 16 * 12 * sizeof(float));
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_enlarging),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_resuming),
                cmocka_unit_test(test_composition),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

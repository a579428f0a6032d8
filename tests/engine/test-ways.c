/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What decides a picture besides the prompt: seeds, guidance on a part of the way, a picture to start from. */

#include "tests/engine/engines.h"

/* A generator that the seed decides, and pictures of a job counted as web UIs count them. */
static void test_seeds(void **state)
{
        (void)state;
        Request q;

        request_init(&q);
        q.seed = 7;
        q.variation_seed = 9;
        assert_int_equal(request_picture_seed(&q, 2), 9);
        q.variation_strength = 0.25;
        assert_int_equal(request_picture_seed(&q, 2), 7);
        assert_int_equal(request_variation_seed(&q, 2), 11);
}

/* Guided on the whole way, on none of it, and on a part; other noise; a variation. */
static void test_guided_part(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture whole = {}, none = {}, plain = {}, part = {}, philox = {}, varied = {}, same = {};

        strcpy(q->prompt, "a red fox");
        q->guidance = 5;
        q->steps = 4;
        paint(engine, q, &whole);
        q->guidance_end = 0;
        paint(engine, q, &none);
        q->guidance_start = 0.5;
        q->guidance_end = 1;
        paint(engine, q, &part);
        q->guidance_start = 0;
        q->guidance = 1;
        paint(engine, q, &plain);
        assert_true(are_equal(&none, &plain));
        assert_false(are_equal(&whole, &none));
        assert_false(are_equal(&part, &whole));
        assert_false(are_equal(&part, &none));

        q->rng = RNG_PHILOX;
        paint(engine, q, &philox);
        assert_false(are_equal(&philox, &plain));
        q->rng = RNG_CPU;
        q->variation_seed = 5;
        q->variation_strength = 0.5;
        paint(engine, q, &varied);
        assert_false(are_equal(&varied, &plain));
        q->variation_seed = q->seed;
        paint(engine, q, &same);
        for (size_t i = 0; i < (size_t)same.width * same.height * 3; i++)
                assert_in_range(same.rgb[i] + 1, plain.rgb[i], plain.rgb[i] + 2);
}

/* What takes less time: once at each evaluation is as always, less often and with merged tokens it is another picture. */
static void test_shortcuts(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture plain = {}, each = {}, reused = {}, partly = {}, merged = {};

        strcpy(q->prompt, "a red fox");
        q->guidance = 5;
        q->steps = 4;
        paint(engine, q, &plain);
        q->reuse_deep = 1;
        paint(engine, q, &each);
        assert_true(are_equal(&each, &plain));
        q->reuse_deep = 2;
        paint(engine, q, &reused);
        assert_false(are_equal(&reused, &plain));
        q->guidance_end = 0.5; /* what was made for two texts is not used for one */
        paint(engine, q, &partly);
        assert_false(are_equal(&partly, &reused));
        q->guidance_end = 1;
        q->reuse_deep = 0;
        q->merge_tokens = 0.5;
        paint(engine, q, &merged);
        assert_false(are_equal(&merged, &plain));
}

/* 16 x 16 pixels, the left half red, the right one blue; as a mask its left half is clear and to be painted. */
static void make_source(ReadPicture *ret)
{
        *ret = (ReadPicture) { .width = 16, .height = 16, .rgba = calloc(16 * 16, 4) };
        assert_non_null(ret->rgba);
        for (int i = 0; i < 16 * 16; i++) {
                ret->rgba[i * 4 + (i % 16 < 8 ? 0 : 2)] = 200;
                ret->rgba[i * 4 + 3] = i % 16 < 8 ? 0 : 255;
        }
}

static void make_opaque(ReadPicture *picture)
{
        for (int i = 0; i < 16 * 16; i++)
                picture->rgba[i * 4 + 3] = 255;
}

/* How many bytes of the columns from x on differ from the source's. */
static size_t count_changed(const Picture *picture, const ReadPicture *source, int x, int end)
{
        size_t n = 0;

        for (int i = 0; i < 16 * 16; i++)
                for (int k = 0; k < 3; k++)
                        n += i % 16 >= x && i % 16 < end &&
                             abs(picture->rgb[i * 3 + k] - source->rgba[i * 4 + k]) > 1;
        return n;
}

/* Whether the left half of a picture that starts from the source is painted, and whether the right one is. */
static void check_painted(Engine *engine, const Request *q, const ReadPicture *source, bool left, bool right)
{
        _cleanup_(picture_done) Picture made = {};

        paint(engine, q, &made);
        assert_int_equal(count_changed(&made, source, 0, 8) > 100, left);
        assert_int_equal(count_changed(&made, source, 8, 16) > 100, right);
        assert_int_equal(count_changed(&made, source, left ? 8 : 0, left ? 16 : 8), 0);
}

/* Masks are read in four ways, each of which depends on whether they are transparent anywhere. */
static void test_readings_of_masks(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(read_picture_done) ReadPicture source = {}, mask = {};
        static const bool by_alpha[] = { true, false, false, true }, by_brightness[] = { true, false, true, false };

        make_source(&source);
        make_opaque(&source);
        make_source(&mask);
        strcpy(q->prompt, "a red fox");
        q->steps = 4;
        q->strength = 0.75;
        q->inputs = 1U << INPUT_IMAGE | 1U << INPUT_MASK;
        engine_set_source(engine, &source, &mask);
        for (int i = 0; i < MASK_PAINTS_MAX; i++) {
                q->mask_paints = (uint8_t)i;
                check_painted(engine, q, &source, by_alpha[i], !by_alpha[i]);
        }
        make_opaque(&mask);
        for (int i = 0; i < 16 * 16; i++)
                memset(mask.rgba + i * 4, i % 16 < 8 ? 255 : 0, 3);
        for (int i = 0; i < MASK_PAINTS_MAX; i++) {
                q->mask_paints = (uint8_t)i;
                check_painted(engine, q, &source, by_brightness[i], !by_brightness[i]);
        }
}

/* A blurred mask lets what is painted fade into the picture: its edge is no longer as it was, and what is far from it is. */
static void test_blurred_masks(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(read_picture_done) ReadPicture source = {}, mask = {};
        _cleanup_(picture_done) Picture soft = {};

        make_source(&source);
        make_opaque(&source);
        make_source(&mask);
        strcpy(q->prompt, "a red fox");
        q->steps = 4;
        q->strength = 0.75;
        q->inputs = 1U << INPUT_IMAGE | 1U << INPUT_MASK;
        q->mask_blur = 1;
        engine_set_source(engine, &source, &mask);
        paint(engine, q, &soft);
        assert_true(count_changed(&soft, &source, 8, 10) > 10);
        assert_int_equal(count_changed(&soft, &source, 12, 16), 0);
        assert_true(count_changed(&soft, &source, 0, 8) > 100);
}

/* What a mask of few pixels is blurred by has an end, as has the work of it. */
static void test_small_blurred_masks(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(read_picture_done) ReadPicture source = {}, mask = {};
        _cleanup_(picture_done) Picture wide = {}, widest = {};

        make_source(&source);
        make_opaque(&source);
        make_source(&mask);
        make_opaque(&mask);
        mask.width = 2; /* two bright pixels, and two dark ones */
        mask.height = 2;
        memset(mask.rgba, 255, 8);
        for (int i = 8; i < 16; i++)
                mask.rgba[i] = i % 4 == 3 ? 255 : 0;
        strcpy(q->prompt, "a red fox");
        q->steps = 4;
        q->strength = 0.75;
        q->inputs = 1U << INPUT_IMAGE | 1U << INPUT_MASK;
        q->mask_blur = REQUEST_MASK_BLUR_MAX / 8; /* of a picture of 16 pixels */
        engine_set_source(engine, &source, &mask);
        paint(engine, q, &wide);
        q->mask_blur = REQUEST_MASK_BLUR_MAX;
        paint(engine, q, &widest);
        assert_true(are_equal(&wide, &widest));
}

/* From a picture: what the mask leaves out stays as it was, the rest depends on the picture, the seed and the strength. */
static void test_sources(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture masked = {}, whole = {}, weak = {}, noise = {}, full = {};
        _cleanup_(read_picture_done) ReadPicture source = {}, mask = {};
        Picture none = {};
        Error error = {};

        make_source(&source);
        make_opaque(&source);
        make_source(&mask);
        strcpy(q->prompt, "a red fox");
        q->steps = 4;
        q->sampler = SAMPLER_EULER;
        paint(engine, q, &noise);

        engine_set_source(engine, &source, &mask);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL);
        q->strength = 0.75;
        paint(engine, q, &masked);
        /* The edge, where the resized mask would be grey, is sharp: sizes are the same. */
        assert_int_equal(count_changed(&masked, &source, 8, 16), 0);
        assert_true(count_changed(&masked, &source, 0, 8) > 100);

        engine_set_source(engine, &source, NULL);
        paint(engine, q, &whole);
        assert_true(count_changed(&whole, &source, 8, 16) > 100);
        q->strength = 0.25;
        paint(engine, q, &weak);
        assert_false(are_equal(&weak, &whole));
        q->strength = 1;
        paint(engine, q, &full);
        assert_false(are_equal(&full, &noise)); /* a little of the picture shines through the highest noise */

        engine_set_source(engine, NULL, NULL);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL);
        assert_string_equal(error.text, "strength: goes with a picture to start from, and needs one");
        q->strength = 0;
        _cleanup_(picture_done) Picture again = {};
        paint(engine, q, &again);
        assert_true(are_equal(&again, &noise));
}

static uint8_t *rgba_of(const Picture *picture)
{
        uint8_t *rgba = calloc((size_t)picture->width * picture->height, 4);

        assert_non_null(rgba);
        for (size_t i = 0; i < (size_t)picture->width * picture->height; i++) {
                memcpy(rgba + i * 4, picture->rgb + i * 3, 3);
                rgba[i * 4 + 3] = 255;
        }
        return rgba;
}

/* With a strength of 0 nothing is drawn: the picture itself, as large as asked for. */
static void test_only_touches(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture same = {}, larger = {}, smaller = {};
        _cleanup_(read_picture_done) ReadPicture source = {};
        Resolved resolved;
        Error error = {};
        long difference = 0;

        make_source(&source);
        make_opaque(&source);
        engine_set_source(engine, &source, NULL);
        q->inputs = 1U << INPUT_IMAGE;
        q->remove_artefacts = q->smooth_edges = q->sharpen = 0;
        paint(engine, q, &same);
        assert_int_equal(same.width, 16);
        assert_int_equal(count_changed(&same, &source, 0, 16), 0);

        q->hires_scale = 2;
        q->enlarge = ENLARGE_LANCZOS;
        paint(engine, q, &larger);
        assert_int_equal(larger.width, 32);
        assert_int_equal(larger.height, 32);
        const ReadPicture large = { 2049, 1000, NULL };
        engine_set_source(engine, &large, NULL);
        assert_int_equal(engine_resolve(engine, q, &resolved, &error), -EINVAL);
        assert_string_equal(error.text, "init-image: 2049x1000 pixels cannot be enlarged, no side may have more than 2048");

        q->hires_scale = 0;
        q->width = q->height = 16;
        const ReadPicture back = { 32, 32, rgba_of(&larger) };
        engine_set_source(engine, &back, NULL);
        paint(engine, q, &smaller);
        free(back.rgba);
        assert_int_equal(smaller.width, 16);
        for (size_t i = 0; i < 16 * 16; i++)
                for (size_t k = 0; k < 3; k++)
                        difference += abs(smaller.rgb[i * 3 + k] - source.rgba[i * 4 + k]);
        assert_true(difference / (16 * 16 * 3) < 8); /* of its one edge, mostly */
}

/* A size that the model cannot draw: the result has it all the same, and around the mask the very bytes. A larger picture
 * decides the shape. */
static void check_around_the_mask(const char *model)
{
        _cleanup_(engine_freep) Engine *engine = open_engine(model, 1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture result = {};
        uint8_t pixels[19 * 17 * 4], marks[19 * 17 * 4], large[4] = { 1, 2, 3, 255 };
        const ReadPicture source = { 19, 17, pixels }, mask = { 19, 17, marks };
        size_t changed = 0;

        for (size_t i = 0; i < ELEMENTSOF(pixels); i++) {
                pixels[i] = i % 4 == 3 ? 255 : (uint8_t)(i * 37);
                marks[i] = i % 4 == 3 || i / 4 % 19 >= 9 ? 255 : 0;
        }
        q->steps = 3;
        q->strength = 1;
        q->width = 19;
        q->height = 17;
        engine_set_source(engine, &source, &mask);
        paint(engine, q, &result);
        assert_int_equal(result.width, 19);
        assert_int_equal(result.height, 17);
        for (size_t i = 0; i < 19 * 17; i++)
                for (size_t k = 0; k < 3; k++)
                        if (i % 19 < 9)
                                assert_int_equal(result.rgb[i * 3 + k], pixels[i * 4 + k]);
                        else
                                changed += result.rgb[i * 3 + k] != pixels[i * 4 + k];
        assert_true(changed > 100);

        q->width = q->height = 0;
        uint8_t *wide = calloc(400 * 100, 4);
        Resolved resolved;
        assert_non_null(wide);
        memcpy(wide, large, sizeof(large));
        engine_set_source(engine, &(ReadPicture) { 400, 100, wide }, NULL);
        assert_int_equal(engine_resolve(engine, q, &resolved, NULL), 0);
        assert_int_equal(resolved.width * resolved.height, 32 * 16); /* at least 16 high */
        engine_set_source(engine, NULL, NULL);
        free(wide);
}

static void test_around_the_mask(void **state)
{
        (void)state;
        check_around_the_mask(TINY);
        check_around_the_mask("tests/fixtures/tiny-inpaint");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_seeds),
                cmocka_unit_test(test_guided_part),
                cmocka_unit_test(test_shortcuts),
                cmocka_unit_test(test_readings_of_masks),
                cmocka_unit_test(test_blurred_masks),
                cmocka_unit_test(test_small_blurred_masks),
                cmocka_unit_test(test_around_the_mask),
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_only_touches),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

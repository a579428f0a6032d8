/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that grow: the canvas, and what is painted on it. */

#include "engine/outpaint.h"
#include "tests/engine/engines.h"

#define W 11
#define H 9

static const uint32_t sides[SIDE_MAX] = { [SIDE_LEFT] = 12, [SIDE_RIGHT] = 1, [SIDE_UP] = 0, [SIDE_DOWN] = 14 };

/* Columns and rows that differ, none of them in the middle of what is possible. */
static ReadPicture make_source(uint8_t pixels[static W * H * 4])
{
        for (size_t i = 0; i < (size_t)W * H * 4; i++)
                pixels[i] = i % 4 == 3 ? 255 : (uint8_t)(i * 37);
        return (ReadPicture) { W, H, pixels };
}

static const uint8_t *at(const ReadPicture *picture, uint32_t x, uint32_t y)
{
        return picture->rgba + ((size_t)y * picture->width + x) * 4;
}

static void grow(const uint32_t *asked, ReadPicture *ret_picture, ReadPicture *ret_mask)
{
        uint8_t pixels[W * H * 4];
        const ReadPicture source = make_source(pixels);
        _cleanup_(freep) Request *q = new_request();
        Error error = {};

        memcpy(q->outpaint, asked, sizeof(q->outpaint));
        if (outpaint_grow(&source, q, ret_picture, ret_mask, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(ret_picture->width, W + asked[SIDE_LEFT] + asked[SIDE_RIGHT]);
        assert_int_equal(ret_picture->height, H + asked[SIDE_UP] + asked[SIDE_DOWN]);
        assert_int_equal(ret_mask->width, ret_picture->width);
        assert_int_equal(ret_mask->height, ret_picture->height);
        for (uint32_t y = 0; y < H; y++)
                assert_memory_equal(at(ret_picture, asked[SIDE_LEFT], asked[SIDE_UP] + y), source.rgba + (size_t)y * W * 4,
                                    W * 4);
}

/* The bytes stay, the mask is black on them and nowhere else, and each side goes on from its edge. */
static void test_canvas(void **state)
{
        (void)state;
        _cleanup_(read_picture_done) ReadPicture picture = {}, mask = {};
        grow(sides, &picture, &mask);

        for (uint32_t y = 0; y < mask.height; y++)
                for (uint32_t x = 0; x < mask.width; x++) {
                        const bool is_old = x >= 12 && x < 12 + W && y < H;
                        assert_int_equal(at(&mask, x, y)[0] == 0, is_old);
                        assert_int_equal(at(&mask, x, y)[3], 255);
                }
        const uint8_t rising[] = { 255, 255, 204, 153, 102, 51, 0 }; /* towards the picture */
        for (uint32_t i = 0; i < ELEMENTSOF(rising); i++)
                assert_int_equal(at(&mask, 6 + i, 4)[1], rising[i]);
        assert_int_equal(at(&mask, 12 + W, 4)[0], 255); /* too narrow for that */
        assert_int_equal(at(&mask, 14, H)[2], 51);
        assert_int_equal(at(&mask, 0, H)[2], 255); /* in a corner the farther of both */

        for (uint32_t i = 0; i < H; i++)
                assert_memory_equal(at(&picture, 11, i), at(&picture, 12, i), 4);
        for (uint32_t i = 0; i < picture.width; i++)
                assert_memory_equal(at(&picture, i, H), at(&picture, i, H - 1), 4);
        /* Two pixels out, the mean of three. */
        for (int k = 0; k < 3; k++) {
                const int sum = at(&picture, 12, 3)[k] + at(&picture, 12, 4)[k] + at(&picture, 12, 5)[k];
                assert_int_equal(at(&picture, 10, 4)[k], (sum + 1) / 3);
        }
        assert_int_equal(at(&picture, 0, 22)[3], 255);

        _cleanup_(read_picture_done) ReadPicture up = {}, up_mask = {};
        grow((const uint32_t[SIDE_MAX]) { [SIDE_UP] = 5 }, &up, &up_mask);
        assert_memory_equal(at(&up, 0, 4), at(&up, 0, 5), W * 4);
        assert_int_equal(at(&up_mask, 3, 0)[0], 255);
        assert_int_equal(at(&up_mask, 3, 5)[0], 0);
}

static void test_limits(void **state)
{
        (void)state;
        uint8_t pixels[W * H * 4];
        const ReadPicture source = make_source(pixels), wide = { 8192, 1, pixels };
        _cleanup_(freep) Request *q = new_request();
        ReadPicture picture = {}, mask = {};
        uint32_t w = 7, h = 7;
        Error error = {};

        assert_int_equal(outpaint_size(&source, q, &w, &h, NULL), -EINVAL); /* too small */
        q->outpaint[SIDE_UP] = 20;
        q->outpaint[SIDE_RIGHT] = 2048;
        assert_int_equal(outpaint_size(&source, q, &w, &h, &error), -EINVAL);
        assert_string_equal(error.text, "outpaint: 2059 x 29 pixels, but a side has 16 to 2048; with a size it is resized");
        assert_int_equal(w, 7);
        q->outpaint[SIDE_RIGHT] = 2037;
        assert_int_equal(outpaint_size(&source, q, &w, &h, &error), 0);
        assert_int_equal(w, 2048);
        assert_int_equal(h, 29);
        assert_int_equal(outpaint_grow(&wide, q, &picture, &mask, &error), -EFBIG); /* before any of it is read */
        assert_null(picture.rgba);
}

/* From the picture to the finished one, with nothing that the final touches leave alone by chance. */
static void check_painted(const char *model, unsigned threads, Picture *ret)
{
        _cleanup_(engine_freep) Engine *engine = open_engine(model, threads);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(read_picture_done) ReadPicture fill = {}, mask = {};
        uint8_t pixels[W * H * 4];
        const ReadPicture source = make_source(pixels);
        size_t changed = 0, n = 0;
        Picture none = {};
        Error error = {};

        grow(sides, &fill, &mask);
        strcpy(q->prompt, "a red fox");
        q->steps = 3;
        q->sharpen = 1;
        memcpy(q->outpaint, sides, sizeof(sides));
        engine_set_source(engine, &source, NULL);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL); /* no strength */
        q->strength = 1;
        paint(engine, q, ret);
        assert_int_equal(ret->width, W + 13);
        assert_int_equal(ret->height, H + 14);
        for (uint32_t y = 0; y < ret->height; y++)
                for (uint32_t x = 0; x < ret->width; x++)
                        for (size_t k = 0; k < 3; k++) {
                                const uint8_t is = ret->rgb[((size_t)y * ret->width + x) * 3 + k], was = at(&fill, x, y)[k];
                                if (at(&mask, x, y)[0] == 0)
                                        assert_int_equal(is, was);
                                else if (at(&mask, x, y)[0] == 255) {
                                        changed += abs(is - was) > 2;
                                        n++;
                                }
                        }
        assert_true(changed > n * 3 / 4);

        engine_set_source(engine, &source, &mask);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL);
        assert_string_equal(error.text, "outpaint: does not go with a mask");
        engine_set_source(engine, NULL, NULL);
}

static void test_painted(void **state)
{
        (void)state;
        const char *const models[] = { TINY, "tests/fixtures/tiny-inpaint" };

        for (size_t i = 0; i < ELEMENTSOF(models); i++) {
                _cleanup_(picture_done) Picture one = {}, two = {};
                check_painted(models[i], 1, &one);
                check_painted(models[i], 2, &two);
                assert_true(are_equal(&one, &two));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_canvas),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_painted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures as JPEG and WebP: what our own readers make of them, and the settings in them. */

#include "tests/engine/fixtures.h"

#include "base/request.h"
#include "engine/image/jpeg.h"
#include "engine/image/read.h"
#include "engine/image/webp.h"

typedef int (*encode_t)(
                const Picture *picture, const PictureTexts *texts, unsigned quality, void **ret_data, size_t *ret_size,
                Error *error);

#define W 60
#define H 45

static uint8_t rgb[W * H * 3];

static void make_picture(Picture *ret)
{
        for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++) {
                        uint8_t *p = rgb + (y * W + x) * 3;
                        p[0] = (uint8_t)(x * 4);
                        p[1] = (uint8_t)(y * 5);
                        p[2] = x > 30 ? 200 : 40;
                }
        *ret = (Picture) { .width = W, .height = H, .rgb = rgb };
}

/* The mean difference of what comes back, in 1/100 of a level. */
static unsigned loss(encode_t encode, const char *parameters, unsigned quality, size_t *ret_size)
{
        _cleanup_(read_picture_done) ReadPicture back = {};
        _cleanup_(freep) void *data = NULL;
        Picture picture;
        Error error = {};
        unsigned long sum = 0;

        make_picture(&picture);
        assert_int_equal(encode(&picture, &(PictureTexts) { .parameters = parameters }, quality, &data, ret_size, &error), 0);
        assert_int_equal(read_picture(&back, "test", data, *ret_size, &error), 0);
        assert_int_equal(back.width, W);
        assert_int_equal(back.height, H);
        for (size_t i = 0; i < (size_t)W * H; i++)
                for (size_t k = 0; k < 3; k++)
                        sum += (unsigned long)abs(back.rgba[i * 4 + k] - rgb[i * 3 + k]);
        return (unsigned)(sum * 100 / (W * H * 3));
}

static void test_quality(void **state)
{
        size_t low, high, best;
        (void)state;

        assert_in_range(loss(picture_to_jpeg, NULL, 95, &high), 1, 200);
        assert_in_range(loss(picture_to_jpeg, NULL, 20, &low), 200, 2000);
        assert_true(low < high);
        assert_in_range(loss(picture_to_webp, NULL, 90, &high), 1, 400);
        assert_in_range(loss(picture_to_webp, NULL, 10, &low), 100, 2000);
        assert_true(low < high);
        assert_int_equal(loss(picture_to_webp, NULL, 100, &best), 0);
        assert_int_equal(loss(picture_to_webp, "with settings", 100, &best), 0);
}

/* As web UIs look for them: UserComment, UTF-16 of the TIFF's byte order. */
static void test_settings(void **state)
{
        static const char text[] = "f\xc3\xbc" "chs", comment[] = "UNICODE\0\0f\0\xfc\0c\0h\0s";
        const encode_t encoders[] = { picture_to_jpeg, picture_to_webp };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(encoders); i++) {
                _cleanup_(freep) void *data = NULL, *bare = NULL;
                Picture picture;
                Error error = {};
                size_t size, bare_size;

                make_picture(&picture);
                assert_int_equal(encoders[i](&picture, &(PictureTexts) { .parameters = text }, 90, &data, &size, &error), 0);
                assert_int_equal(encoders[i](&picture, &(PictureTexts) {}, 90, &bare, &bare_size, &error), 0);
                assert_non_null(memmem(data, size, comment, sizeof(comment) - 1));
                assert_non_null(memmem(data, size, "MM\0*\0\0\0\b\0\1\x87\x69\0\4", 14));
                assert_null(memmem(bare, bare_size, "UNICODE", 7));
        }
}

/* The longest prompts there can be fit. */
static void test_long_settings(void **state)
{
        static char text[2 * REQUEST_PROMPT_MAX + 1024];
        size_t size;
        (void)state;

        memset(text, 'x', sizeof(text) - 1);
        (void)loss(picture_to_jpeg, text, 90, &size);
        assert_true(size > 2 * sizeof(text) - 2);
        (void)loss(picture_to_webp, text, 90, &size);
        assert_true(size > 2 * sizeof(text) - 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quality),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_long_settings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures as files, read back by libpng, with the text that stands in them. */

#include "tests/engine/fixtures.h"

#include <math.h>
#include <png.h>

#include "engine/image/png.h"
#include "engine/image/preview.h"

typedef struct Bytes {
        const uint8_t *data;
        size_t left;
} Bytes;

static void on_read(png_structp png, png_bytep ret, size_t size)
{
        Bytes *input = png_get_io_ptr(png);

        assert_true(size <= input->left);
        memcpy(ret, input->data, size);
        input->data += size;
        input->left -= size;
}

/* Reads a file that must be a good one; returns the pixels and the text of "parameters" in UTF-8 or Latin-1.
 */
static uint8_t *decode(const void *data, size_t size, uint32_t *ret_w, uint32_t *ret_h, char **ret_text,
                       int *ret_compression)
{
        Bytes input = { .data = data, .left = size };
        png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png_create_info_struct(png);
        png_textp texts;
        int n_texts = 0;

        assert_non_null(info);
        if (setjmp(png_jmpbuf(png)))
                fail_msg("libpng cannot read it");
        png_set_read_fn(png, &input, on_read);
        png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
        assert_int_equal(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
        assert_int_equal(png_get_bit_depth(png, info), 8);
        *ret_w = png_get_image_width(png, info);
        *ret_h = png_get_image_height(png, info);
        *ret_text = NULL;
        if (png_get_text(png, info, &texts, &n_texts) > 0) {
                assert_int_equal(n_texts, 1);
                assert_string_equal(texts[0].key, "parameters");
                *ret_text = strdup(texts[0].text);
                *ret_compression = texts[0].compression;
        }
        uint8_t *rgb = malloc((size_t)*ret_w * *ret_h * 3);
        assert_non_null(rgb);
        for (uint32_t y = 0; y < *ret_h; y++)
                memcpy(rgb + (size_t)y * *ret_w * 3, png_get_rows(png, info)[y], (size_t)*ret_w * 3);
        png_destroy_read_struct(&png, &info, NULL);
        return rgb;
}

static Picture gradient(uint32_t width, uint32_t height)
{
        Picture picture = { .width = width, .height = height, .rgb = malloc((size_t)width * height * 3) };
        assert_non_null(picture.rgb);
        for (size_t i = 0; i < (size_t)width * height * 3; i++)
                picture.rgb[i] = (uint8_t)(i * 7 + i / 97);
        return picture;
}

static void check_round_trip(uint32_t width, uint32_t height, const char *text, const char *expected,
                             int compression)
{
        _cleanup_(picture_done) Picture picture = gradient(width, height);
        _cleanup_(freep) void *data = NULL;
        size_t size = 0;
        Error error = {};

        if (picture_to_png(&picture, &(PictureTexts) { .parameters = text }, &data, &size, &error) < 0)
                fail_msg("%s", error.text);
        uint32_t w, h;
        _cleanup_(freep) char *found = NULL;
        int found_compression = 0;
        _cleanup_(freep) uint8_t *rgb = decode(data, size, &w, &h, &found, &found_compression);
        assert_int_equal(w, width);
        assert_int_equal(h, height);
        assert_memory_equal(rgb, picture.rgb, (size_t)width * height * 3);
        if (!text) {
                assert_null(found);
        } else {
                assert_string_equal(found, expected);
                assert_int_equal(found_compression, compression);
        }
}

static void test_round_trips(void **state)
{
        (void)state;
        check_round_trip(1, 1, NULL, NULL, 0);
        check_round_trip(17, 3, "", "", PNG_TEXT_COMPRESSION_NONE);
        check_round_trip(64, 48, "plain\ntext", "plain\ntext", PNG_TEXT_COMPRESSION_NONE);
        check_round_trip(2, 2, "caf\xc3\xa9 \xc2\xa1\xc3\xbf", "caf\xe9 \xa1\xff",
                         PNG_TEXT_COMPRESSION_NONE);
        check_round_trip(2, 2, "日本 🦊", "日本 🦊", PNG_ITXT_COMPRESSION_NONE);
        check_round_trip(2, 2, "\xc4\x80", "\xc4\x80",
                         PNG_ITXT_COMPRESSION_NONE); /* the first beyond Latin-1 */
        check_round_trip(2048, 1, NULL, NULL, 0);
}

static void test_bad_sizes(void **state)
{
        (void)state;
        const Picture none = {}, wide = { .width = UINT32_MAX, .height = 1 };
        void *data = NULL;
        size_t size;
        Error error = {};

        assert_int_equal(picture_to_png(&none, &(PictureTexts) { .parameters = "x" }, &data, &size, &error), -EINVAL);
        assert_int_equal(strncmp(error.text, "PNG: ", 5), 0);
        assert_int_equal(picture_to_png(&wide, &(PictureTexts) {}, &data, &size, &error), -EINVAL);
        assert_int_equal(picture_to_png(&wide, &(PictureTexts) {}, &data, &size, NULL), -EINVAL);
        assert_null(data);
}

static void test_rounding(void **state)
{
        (void)state;
        float values[] = { -1, 1, 0, NAN, INFINITY, -INFINITY, 3, -0.5F, 1.0F / 255 };
        Tensor t = { .n = 1, .h = 1, .w = 3, .c = 3, .data = values };
        const uint8_t expected[] = { 0, 255, 128, 0, 255, 0, 255, 64, 128 };
        _cleanup_(picture_done) Picture picture = {};

        picture_normalize(&t);
        assert_int_equal(picture_from_tensor(&picture, &t), 0);
        assert_memory_equal(picture.rgb, expected, sizeof(expected));
}

static void check_shrunk(uint32_t h, uint32_t w, uint32_t factor, uint32_t expected_h, uint32_t expected_w)
{
        _cleanup_(freep) float *latents = calloc((size_t)2 * h * w, sizeof(float));
        uint32_t small_h, small_w;

        assert_non_null(latents);
        for (size_t i = 0; i < (size_t)h * w; i++) {
                latents[i] = 1;
                latents[(size_t)h * w + i] = (float)(i % w);
        }
        _cleanup_(freep) float *small = preview_shrink(latents, 2, h, w, factor, &small_h, &small_w);
        assert_int_equal(small_h, expected_h);
        assert_int_equal(small_w, expected_w);
        uint32_t block = w / small_w;
        for (size_t i = 0; i < (size_t)small_h * small_w; i++) {
                assert_true(fabsf(small[i] - 1) < 1e-6F);
                float middle = (float)(i % small_w * block) + ((float)block - 1) / 2;
                if (small_w > 1)
                        assert_true(fabsf(small[(size_t)small_h * small_w + i] - middle) < 1e-4F);
        }
}

static void test_preview(void **state)
{
        (void)state;
        check_shrunk(16, 16, 8, 16, 16);
        check_shrunk(32, 32, 8, 32, 32);
        check_shrunk(64, 64, 8, 32, 32);
        check_shrunk(96, 64, 8, 32, 21);
        check_shrunk(1, 256, 8, 1, 32);
        check_shrunk(33, 33, 8, 16, 16);
        check_shrunk(2048, 2048, 1, 256, 256);
        check_shrunk(16, 16, 128, 2, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trips),
                cmocka_unit_test(test_bad_sizes),
                cmocka_unit_test(test_rounding),
                cmocka_unit_test(test_preview),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

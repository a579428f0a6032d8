/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Measures of small pictures, and what records say of rights. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/review/alt.h"
#include "client/review/legibility.h"
#include "client/review/rights.h"
#include "client/review/sheet.h"

#define SIDE 256

typedef uint8_t (*shade_t)(uint32_t x, uint32_t y);

static uint8_t halves(uint32_t x, uint32_t y)
{
        (void)y;
        return x < SIDE / 2 ? 0 : 255;
}

static uint8_t checks(uint32_t x, uint32_t y)
{
        return (x + y) % 2 ? 255 : 0;
}

static uint8_t flat(uint32_t x, uint32_t y)
{
        (void)x, (void)y;
        return 77;
}

static Pixels draw(uint32_t width, uint32_t height, shade_t shade)
{
        Pixels pixels = { width, height, malloc(3 * (size_t)width * height) };

        assert_non_null(pixels.rgb);
        for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++)
                        memset(pixels.rgb + 3 * ((size_t)y * width + x), shade(x, y), 3);
        return pixels;
}

static void assert_about(double value, double expected)
{
        if (fabs(value - expected) > 1e-6)
                fail_msg("%g, not %g", value, expected);
}

/* Black is 0 and white 100: half of each deviates by 50. What is finer than a pixel of the small one is grey there. */
static void test_legibility(void **state)
{
        const struct {
                shade_t shade;
                double contrast, small;
        } cases[] = { { halves, 50, 50 }, { checks, 50, 0 }, { flat, 0, 0 } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(pixels_done) Pixels pixels = draw(SIDE, SIDE, cases[i].shade);
                Legibility measured;

                assert_int_equal(legibility_measure(&pixels, &measured), 0);
                assert_about(measured.contrast, cases[i].contrast);
                for (size_t k = 0; k < LEGIBILITY_N; k++)
                        assert_about(measured.small[k], cases[i].small);
        }
}

/* The longer side counts; nothing grows, and nothing vanishes. */
static void test_shrinking(void **state)
{
        const uint32_t cases[][5] = { { 256, 128, 64, 64, 32 }, { 1000, 1, 32, 32, 1 }, { 1, 1000, 32, 1, 32 }, { 20, 10, 32, 20, 10 } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(pixels_done) Pixels pixels = draw(cases[i][0], cases[i][1], flat), small = { 0 };

                assert_int_equal(legibility_shrink(&pixels, cases[i][2], &small), 0);
                assert_int_equal(small.width, cases[i][3]);
                assert_int_equal(small.height, cases[i][4]);
        }
}

static uint8_t at(const Pixels *pixels, uint32_t x, uint32_t y)
{
        return pixels->rgb[3 * ((size_t)y * pixels->width + x)];
}

static void test_sheet(void **state)
{
        _cleanup_(pixels_done) Pixels pixels = draw(512, 256, flat), sheet = { 0 };
        (void)state;

        assert_int_equal(sheet_make(&pixels, &sheet), 0);
        assert_int_equal(sheet.width, 256 + 16 + 64 + 16 + 32);
        assert_int_equal(sheet.height, 128);
        assert_int_equal(at(&sheet, 0, 127), 77);
        assert_int_equal(at(&sheet, 260, 0), 0x80);
        assert_int_equal(at(&sheet, 272, 31), 77);
        assert_int_equal(at(&sheet, 272, 32), 0x80);
        assert_int_equal(at(&sheet, 383, 15), 77);
        assert_int_equal(at(&sheet, 383, 16), 0x80);
}

static void check_rights(const char *json, const Rights *expected)
{
        json_t *record = json_loads(json, 0, NULL);

        assert_non_null(record);
        const Rights rights = rights_of(record);
        assert_string_equal(rights.licence ? rights.licence : "", expected->licence ? expected->licence : "");
        assert_string_equal(rights.address ? rights.address : "", expected->address ? expected->address : "");
        assert_string_equal(rights.credit ? rights.credit : "", expected->credit ? expected->credit : "");
        assert_int_equal(rights.needs_credit, expected->needs_credit);
        assert_int_equal(rights.is_commercial_refused, expected->is_commercial_refused);
        assert_int_equal(rights.is_commercial_permitted, expected->is_commercial_permitted);
        json_decref(record);
}

static void test_rights(void **state)
{
        (void)state;
        check_rights("{}", &(Rights) { 0 });
        check_rights("{\"license\": \"CC0-1.0\"}",
                     &(Rights) { .licence = "CC0-1.0", .address = "https://creativecommons.org/publicdomain/zero/1.0/",
                                 .is_commercial_permitted = true });
        check_rights("{\"license\": \"MIT\", \"terms\": {\"commercial\": false}}",
                     &(Rights) { .licence = "MIT", .address = "https://opensource.org/license/mit", .is_commercial_refused = true });
        check_rights("{\"license\": \"CC-BY-NC-4.0\"}", &(Rights) { "CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/",
                                                                    .needs_credit = true, .is_commercial_refused = true });
        check_rights("{\"license\": \"House licence\"}", &(Rights) { .licence = "House licence" });
        check_rights("{\"terms\": {\"address\": \"https://a\", \"attribution\": \"By A\", \"commercial\": false}}",
                     &(Rights) { .address = "https://a", .needs_credit = true, .credit = "By A", .is_commercial_refused = true });
        check_rights("{\"terms\": {\"attribution\": true, \"commercial\": true}}",
                     &(Rights) { .needs_credit = true, .is_commercial_permitted = true });
        check_rights("{\"terms\": 3, \"license\": []}", &(Rights) { 0 });
}

static void check_alt(const char *json, const char *expected)
{
        json_t *record = json_loads(json, 0, NULL);

        assert_non_null(record);
        _cleanup_(freep) char *alt = alt_suggest(record);
        if (!alt || !expected)
                assert_true(!alt && !expected);
        else
                assert_string_equal(alt, expected);
        json_decref(record);
}

static void test_alt(void **state)
{
        (void)state;
        check_alt("{}", NULL);
        check_alt("{\"prompt\": \"\"}", NULL);
        check_alt("{\"prompt\": \"(())\"}", NULL);
        check_alt("{\"prompt\": \"a (red:1.2) fox <lora:x:1>,\"}", "A red fox");
        check_alt("{\"prompt\": \"über den Wolken\"}", "über den Wolken");
        check_alt("{\"prompt\": \"p\", \"lineage\": {\"fields\": {\"style\": \"watercolour\", \"subject\": \"a fox\", \"camera\": \"50 mm\","
                  " \"composition\": \"seen from above\", \"negative\": \"text\", \"setting\": \"\"}}}",
                  "A fox, seen from above, watercolour");
        check_alt("{\"prompt\": \"a fox\", \"lineage\": {\"fields\": {\"camera\": \"50 mm\", \"subject\": 3}}}", "A fox");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_legibility),
                cmocka_unit_test(test_shrinking),
                cmocka_unit_test(test_sheet),
                cmocka_unit_test(test_rights),
                cmocka_unit_test(test_alt),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "base/util.h"

/* What Python's strict decoder says of every one-, two- and three-byte sequence can be counted. */
static void test_counts(void **state)
{
        (void)state;
        size_t one = 0, two = 0, three = 0;

        for (unsigned i = 0; i < 0x1000000; i++) {
                const char bytes[3] = { (char)(i >> 16), (char)(i >> 8), (char)i };
                three += utf8_is_valid(bytes, 3);
                if (i < 0x10000)
                        two += utf8_is_valid(bytes + 1, 2);
                if (i < 0x100)
                        one += utf8_is_valid(bytes + 2, 1);
        }
        const size_t ascii = 128, of_two = 0x800 - 0x80,
                     of_three = 0x10000 - 0x800 - 0x800 - 34; /* less the surrogates and the noncharacters */
        assert_int_equal(one, ascii);
        assert_int_equal(two, ascii * ascii + of_two);
        assert_int_equal(three, ascii * ascii * ascii + 2 * ascii * of_two + of_three);
}

static void test_four_bytes(void **state)
{
        (void)state;
        assert_true(utf8_is_valid("\xf0\x90\x80\x80", 4)); /* U+10000 */
        assert_true(utf8_is_valid("\xf4\x8f\xbf\xbd", 4)); /* U+10FFFD */
        assert_false(utf8_is_valid("\xf4\x8f\xbf\xbf", 4)); /* U+10FFFF, a noncharacter */
        assert_true(utf8_is_well_formed("\xf4\x8f\xbf\xbf", 4));
        assert_false(utf8_is_valid("\xf0\x9f\xbf\xbe", 4)); /* U+1FFFE, another */
        assert_false(utf8_is_valid("\xf0\x8f\xbf\xbf", 4)); /* overlong */
        assert_false(utf8_is_valid("\xf4\x90\x80\x80", 4)); /* U+110000 */
        assert_false(utf8_is_valid("\xf5\x80\x80\x80", 4));
        assert_false(utf8_is_valid("\xf0\x90\x80", 3));
        assert_false(utf8_is_valid("\xf0\x90\x80\x80\x80", 5));
        assert_true(utf8_is_valid("", 0));
        assert_true(utf8_is_valid("a\0b", 3));
}

static void test_sanitize(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                { "", "" },
                { "plain", "plain" },
                { "füchsisch 🦊", "füchsisch 🦊" },
                { "cut \xc3", "cut " },
                { "cut \xf0\x9f\xa6", "cut " },
                { "bad \xff byte", "bad ? byte" },
                { "bad \xc3( byte", "bad ?( byte" },
                { "\xed\xa0\x80", "???" },
                { "\x80\x80", "??" },
                { "no \xef\xbf\xbe character", "no ??? character" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[64];
                strcpy(text, cases[i][0]);
                utf8_sanitize(text);
                assert_string_equal(text, cases[i][1]);
                assert_true(utf8_is_valid(text, strlen(text)));
        }
}

static void test_cut(void **state)
{
        (void)state;
        static const char text[] = "aé日🦊";
        static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };

        for (size_t most = 0; most < ELEMENTSOF(ends); most++)
                assert_int_equal(utf8_cut(text, strlen(text), most), ends[most]);
        assert_int_equal(utf8_cut("\x80\x80\x80", 3, 2), 0); /* none has begun */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_four_bytes),
                cmocka_unit_test(test_sanitize),
                cmocka_unit_test(test_cut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/json-text.h"

/* What lies behind its end is for the sanitizer to see. */
static json_t *load(const char *text)
{
        const size_t size = strlen(text);
        char *exact = malloc(MAX(size, 1U));

        assert_non_null(exact);
        for (size_t i = 0; i < size; i++)
                exact[i] = text[i];
        json_t *root = json_text_load(exact, size);
        free(exact);
        return root;
}

static void assert_loaded(const char *text, const char *expected)
{
        json_t *root = load(text);

        if (!json_is_array(root) || !json_is_string(json_array_get(root, 0)) ||
            !streq(json_string_value(json_array_get(root, 0)), expected))
                fail_msg("%s became '%s', not '%s'", text, root ? json_string_value(json_array_get(root, 0)) : "nothing", expected);
        json_decref(root);
}

static void test_what_is_right_stays(void **state)
{
        (void)state;
        assert_loaded("[\"a fox\"]", "a fox");
        assert_loaded("[\"\\ud83e\\udd8a \\u00e9 \\ufffe\"]", "🦊 é \xef\xbf\xbe");
        assert_loaded("[\"\\\\u0000 \\\\ud83e\"]", "\\u0000 \\ud83e");
}

static void test_what_no_text_holds(void **state)
{
        (void)state;
        assert_loaded("[\"a \\u0000 fox\"]", "a � fox");
        assert_loaded("[\"a \\ud83e fox\"]", "a � fox");
        assert_loaded("[\"a \\uDD8A fox\"]", "a � fox");
        assert_loaded("[\"\\ud83e\\ud83e\\udd8a\"]", "�🦊");
        assert_loaded("[\"\\ud83e\\u0041\\\\\\u0000\\\"\\n\"]", "�A\\�\"\n");
        assert_loaded("[\"\\ud83e\"]", "�");
        assert_loaded("[\"a \xff fox\"]", "a ? fox");
        assert_loaded("[\"\xe9t\xe9 \\u0000\"]", "?t? �");
}

static void test_what_is_no_json(void **state)
{
        static const char *const texts[] = {
                "", "[", "[\"a", "[\"\\", "[\"\\u", "[\"\\ud83", "[\"\\ud83e", "[\"\\ud83e\\", "[\"\\ud83e\\udd8", "[\\u0000]",
                "\\ud83e", "[\"\\x\"]", "[\"\\uzzzz\"]", "[\"\\u0000\"", "[\"\xff\"", "\xff", "\xe9\x80",
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (load(texts[i]))
                        fail_msg("%s is no JSON", texts[i]);
        assert_null(json_text_load("[\"a\0b\"]", 7));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_right_stays),
                cmocka_unit_test(test_what_no_text_holds),
                cmocka_unit_test(test_what_is_no_json),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

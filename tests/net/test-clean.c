/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/clean.h"

static void assert_cleaned(const char *text, const char *expected)
{
        char *copy = strdup(text);

        assert_non_null(copy);
        clean_text(copy);
        if (!streq(copy, expected))
                fail_msg("'%s' became '%s', not '%s'", text, copy, expected);
        free(copy);
}

static void test_untouched(void **state)
{
        static const char *const texts[] = {
                "A red fox", "a fox, \"the red one\", at dawn", "\"Fox\" and \"hare\"", "An image of a fox", "créer une image 🦊",
                "A <b>fox</b>", "A fox thinking: who am I?", "",
        };
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_cleaned(texts[i], texts[i]);
}

static void test_wrappings(void **state)
{
        (void)state;
        assert_cleaned("  A red\n\n  fox \t at\r\ndawn ", "A red fox at dawn");
        assert_cleaned("\"A red fox\"", "A red fox");
        assert_cleaned("“A red fox”", "A red fox");
        assert_cleaned("**Prompt:** \"A red fox\"", "A red fox");
        assert_cleaned("Prompt: **A red fox**", "A red fox");
        assert_cleaned("```\nA red fox\n```", "A red fox");
        assert_cleaned("```text\nA red fox\n``` enjoy", "A red fox");
        assert_cleaned("```A red fox```", "A red fox");
        assert_cleaned("Create an image of a red fox", "a red fox");
        assert_cleaned("create a Picture of the fox", "the fox");
        assert_cleaned("Sure! Here is your prompt: \"Generate an image of a fox\"", "a fox");
}

static void test_thoughts(void **state)
{
        (void)state;
        assert_cleaned("<think>What is a fox?\n</think>\nA fox", "A fox");
        assert_cleaned("<THINK></THINK>A fox", "A fox");
        assert_cleaned("<think>a</think>A <thinking>b</thinking>fox", "A fox");
        assert_cleaned("I think of foxes</think> A fox", "A fox");
        assert_cleaned("A fox <think>is that all", "A fox");
        assert_cleaned("<think>not whole", "");
        assert_cleaned("<reasoning>x</reasoning>", "");
}

static void test_bytes(void **state)
{
        char cut[] = "fox \xf0\x9f\xa6";
        (void)state;
        assert_cleaned("a\x01" "b\x7f" "c\xc2\x85" "d", "a b c d");
        assert_cleaned("a\xe2\x80\xae" "b\xe2\x81\xa6 c", "a b c");
        assert_cleaned("a\xff" "b", "a?b");
        assert_cleaned("\xe2\x80", "");
        clean_line(cut);
        assert_string_equal(cut, "fox");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_untouched), cmocka_unit_test(test_wrappings), cmocka_unit_test(test_thoughts),
                cmocka_unit_test(test_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

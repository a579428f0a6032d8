/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/util.h"

static void test_set(void **state)
{
        (void)state;
        Error error = {};

        assert_int_equal(error_set(&error, -EINVAL, "%s: %d", "width", 7), -EINVAL);
        assert_int_equal(error.code, -EINVAL);
        assert_string_equal(error.text, "width: 7");
        assert_int_equal(error_set(NULL, -ENOMEM, "%s", "nobody listens"), -ENOMEM);
        (void)error_set(&error, -EINVAL, "%s", "\xff");
        assert_string_equal(error.text, "?");
}

static void test_prefix(void **state)
{
        (void)state;
        Error error = {};

        (void)error_set(&error, -EIO, "disk on fire");
        assert_int_equal(error_prefix(&error, "model %d", 3), -EIO);
        assert_string_equal(error.text, "model 3: disk on fire");
        assert_int_equal(error_prefix(NULL, "x"), 0);
}

/* Texts that do not fit are cut between characters, wherever the cut falls. */
static void test_long_texts(void **state)
{
        (void)state;
        char text[2 * ERROR_TEXT_MAX];

        for (size_t lead = 0; lead < 4; lead++) {
                Error error = {};
                memset(text, 'x', lead);
                text[lead] = '\0';
                while (strlen(text) + 4 < sizeof(text))
                        strcat(text, "🦊");

                (void)error_set(&error, -EINVAL, "%s", text);
                size_t size = strlen(error.text);
                assert_true(size >= ERROR_TEXT_MAX - 4 && size < ERROR_TEXT_MAX);
                assert_true(utf8_is_valid(error.text, size));
                assert_int_equal(strncmp(error.text, text, size), 0);

                (void)error_prefix(&error, "prefix");
                assert_int_equal(strncmp(error.text, "prefix: ", 8), 0);
                assert_true(utf8_is_valid(error.text, strlen(error.text)));
                (void)error_prefix(&error, "%s", text);
                assert_int_equal(strncmp(error.text, text, size), 0);
                assert_true(utf8_is_valid(error.text, strlen(error.text)));
        }
}

/* Around the end of the room, every length of the prefix. */
static void test_all_lengths(void **state)
{
        (void)state;
        char text[ERROR_TEXT_MAX + 8] = "";

        for (size_t n = 0; n + 1 < sizeof(text); n++) {
                Error error = {};
                (void)error_set(&error, -EIO, "tail");
                (void)error_prefix(&error, "%s", text);
                assert_true(strlen(error.text) < ERROR_TEXT_MAX);
                assert_int_equal(strncmp(error.text, text, MIN(n, ERROR_TEXT_MAX - 1U)), 0);
                if (n + 6 < ERROR_TEXT_MAX)
                        assert_string_equal(error.text + n, ": tail");
                strcat(text, "y");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_prefix),
                cmocka_unit_test(test_long_texts),
                cmocka_unit_test(test_all_lengths),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The vectors of RFC 4648, section 10, there and back; and what is none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/util.h"

static void test_vectors(void **state)
{
        static const char *const vectors[][2] = {
                { "", "" },           { "f", "Zg==" },         { "fo", "Zm8=" },           { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                const size_t size = strlen(vectors[i][0]);
                char *text = base64_encode(vectors[i][0], size);
                assert_string_equal(text, vectors[i][1]);
                assert_int_equal(base64_decode(text, strlen(text)), size);
                assert_memory_equal(text, vectors[i][0], size);
                free(text);
        }
}

static ssize_t decode(const char *text)
{
        char buffer[64];

        (void)snprintf(buffer, sizeof(buffer), "%s", text);
        return base64_decode(buffer, strlen(buffer));
}

static void test_bad(void **state)
{
        static const char *const bad[] = { "A", "AAAAA", "A=AA", "AA=A", "AA===", "AA-_", "AA\x80\x80", "AA,A" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (decode(bad[i]) != -EBADMSG)
                        fail_msg("%s is taken", bad[i]);
        assert_int_equal(decode("Zm9v\r\nYmFy"), 6);
        assert_int_equal(decode(" Z m 8 "), 2);
        assert_int_equal(decode("Zg"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_bad) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

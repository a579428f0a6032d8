/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/retry.h"

#define NOW INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

static RetryHints hints(const char *name, const char *value)
{
        RetryHints h = RETRY_NO_HINTS;
        retry_read_header(&h, name, value, NOW);
        return h;
}

static int64_t wait_after(long status, const char *name, const char *value)
{
        RetryHints h = hints(name, value);
        return retry_wait(status, &h, 1, 0);
}

static void test_which(void **state)
{
        static const long again[] = { 0, 408, 409, 429, 500, 502, 503, 504, 529 };
        static const long never[] = { 200, 301, 400, 401, 402, 403, 404, 405, 413, 422 };
        const RetryHints none = RETRY_NO_HINTS;
        (void)state;

        for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
                assert_true(retry_wait(again[i], &none, 1, 0) > 0);
        for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
                assert_int_equal(retry_wait(never[i], &none, 1, 0), RETRY_NEVER);
}

static void test_said(void **state)
{
        (void)state;
        assert_int_equal(wait_after(503, "x-should-retry", "false"), RETRY_NEVER);
        assert_int_equal(wait_after(400, "X-Should-Retry", "TRUE"), 500);
        assert_int_equal(wait_after(400, "x-should-retry", "perhaps"), RETRY_NEVER);
        assert_int_equal(wait_after(429, "Retry-After", "7"), 7000);
        assert_int_equal(wait_after(429, "retry-after", "0"), 0);
        assert_int_equal(wait_after(429, "retry-after", "1.5"), 1500);
        assert_int_equal(wait_after(429, "retry-after", "60"), 60000);
        assert_int_equal(wait_after(429, "retry-after", "61"), RETRY_NEVER);
        assert_int_equal(wait_after(429, "retry-after-ms", "250"), 250);
        assert_int_equal(wait_after(429, "retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), 10000);
        assert_int_equal(wait_after(429, "retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"), 0);
        assert_int_equal(wait_after(429, "retry-after", "Sun, 06 Nov 2094 08:49:07 GMT"), RETRY_NEVER);
}

static void test_nonsense(void **state)
{
        static const char *const values[] = { "", "soon", "-1", "1e99", "nan", "inf", "0x10", "7 apples", " 7" };
        (void)state;

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                RetryHints h = hints("retry-after", values[i]);
                assert_int_equal(retry_asked(&h), -1);
                h = hints("retry-after-ms", values[i]);
                assert_int_equal(retry_asked(&h), -1);
        }
}

static void test_milliseconds_first(void **state)
{
        RetryHints h = hints("retry-after", "9");
        (void)state;

        retry_read_header(&h, "retry-after-ms", "1200", NOW);
        assert_int_equal(retry_asked(&h), 1200);
        assert_int_equal(retry_wait(429, &h, 4, UINT32_MAX), 1200);
}

/* Twice as long each time up to 8 s, and up to a quarter less. */
static void test_backoff(void **state)
{
        static const int64_t longest[] = { 500, 1000, 2000, 4000, 8000, 8000, 8000 };
        const RetryHints none = RETRY_NO_HINTS;
        (void)state;

        for (unsigned i = 0; i < 7; i++) {
                assert_int_equal(retry_wait(503, &none, i + 1, 0), longest[i]);
                assert_int_equal(retry_wait(503, &none, i + 1, UINT32_MAX), longest[i] * 3 / 4);
        }
        assert_int_equal(retry_wait(503, &none, 4000000000U, 0), 8000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_which),   cmocka_unit_test(test_said), cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_milliseconds_first), cmocka_unit_test(test_backoff),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/sse.h"

static char seen[512];

static int note(const char *name, const char *data, size_t size, void *userdata)
{
        size_t n = strlen(seen);
        (void)userdata;

        assert_int_equal(strlen(data), size);
        (void)snprintf(seen + n, sizeof(seen) - n, "%s=%s;", name, data);
        return streq(data, "stop") ? -EBADMSG : 0;
}

/* In pieces of each size. */
static void assert_events(const char *stream, const char *expected)
{
        for (size_t step = 1; step <= strlen(stream); step++) {
                Sse sse;
                seen[0] = '\0';
                sse_init(&sse, 1000, note, NULL);
                for (size_t i = 0; i < strlen(stream); i += step) {
                        /* A copy of its own, so that a sanitizer sees what reads beyond. */
                        size_t n = MIN(step, strlen(stream) - i);
                        char *piece = malloc(n);
                        assert_non_null(piece);
                        for (size_t k = 0; k < n; k++)
                                piece[k] = stream[i + k];
                        assert_int_equal(sse_feed(&sse, piece, n), 0);
                        free(piece);
                }
                assert_string_equal(seen, expected);
                sse_done(&sse);
        }
}

static void test_events(void **state)
{
        (void)state;
        assert_events("data: a\n\ndata:b\n\n", "=a;=b;");
        assert_events("event: x\ndata: a\ndata: b\n\n", "x=a\nb;");
        assert_events("data: a\r\n\r\ndata: b\r\r", "=a;=b;");
        assert_events(": comment\n\nretry: 5\nid: 7\nevent: y\n\ndata\n\n", "=;");
        assert_events("\xef\xbb\xbf" "data: a\n\n", "=a;");
        assert_events("data:  two spaces\n\n", "= two spaces;");
        assert_events("data: not whole\n", "");
        assert_events("dataset: no\nda: no\n\n", "");
        assert_events("event: x\n\ndata: a\n\n", "=a;"); /* a name lasts for its event only */
}

static void test_limits(void **state)
{
        char line[64];
        Sse sse;
        (void)state;

        sse_init(&sse, 100, note, NULL);
        memset(line, 'x', sizeof(line));
        assert_int_equal(sse_feed(&sse, line, sizeof(line)), 0);
        assert_int_equal(sse_feed(&sse, line, sizeof(line)), -EFBIG);
        sse_done(&sse);

        sse_init(&sse, 100, note, NULL);
        for (int i = 0; i < 9; i++)
                assert_int_equal(sse_feed(&sse, "data: 123456789\n", 16), 0);
        assert_int_equal(sse_feed(&sse, "data: 123456789\ndata: 123456789\n", 32), -EFBIG);
        sse_done(&sse);

        sse_init(&sse, 100, note, NULL);
        assert_int_equal(sse_feed(&sse, "data: stop\n\ndata: a\n\n", 21), -EBADMSG);
        sse_done(&sse);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_events), cmocka_unit_test(test_limits) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies of strangers' files, which are made by processes of their own (workers/copy.h). What they take and refuse:
 * test-inputs. */

#include "base/memfd.h"
#include "process.h"
#include "workers/copy.h"

static void on_copied(Child *copy, int result, void *userdata)
{
        (void)copy, (void)result, (void)userdata;
        fail_msg("nobody waits for this any more");
}

/* Nobody waits for a copy that is given up, but its process is reaped when it ends. */
static void test_given_up(void **state)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        Error error = {};
        sigset_t child;
        (void)state;

        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD);
        assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
        assert_true(sd_event_new(&event) >= 0);
        _cleanup_(closep) int fd = memfd_new_sealed("test", "abc", 3);
        for (int i = 0; i < 20; i++) {
                Child *copy = NULL;
                assert_int_equal(copy_new(&copy, event, fd, 100, on_copied, NULL, &error), 0);
                if (i % 2) /* it may have ended already */
                        sleep_ms(5);
                (void)child_free(copy);
        }
        while (waitid(P_ALL, 0, &(siginfo_t) {}, WEXITED | WNOHANG | WNOWAIT) == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(errno, ECHILD);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_given_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

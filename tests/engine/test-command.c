/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker program as a plain command. */

#include "tests/engine/jobs.h"

static int run_command(const char *arguments)
{
        char command[2048];
        (void)snprintf(command, sizeof(command), "%s %s 2>/dev/null", engine_program(), arguments);
        int status = system(command);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The same settings by the plain command: the same file. */
static void test_command(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(1, "a red fox");
        (void)expect(&child, MESSAGE_READY, 0);
        m->generate.seed = 42;
        send_job(&child, m);
        (void)expect(&child, MESSAGE_STARTED, 1);
        assert_int_equal(skip_progress(&child)->type, MESSAGE_PICTURE);

        char path[] = "/tmp/picture-XXXXXX", arguments[256];
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)snprintf(arguments, sizeof(arguments), "--model %s --prompt 'a red fox' --seed 42 --output %s",
                       TINY, path);
        assert_int_equal(run_command(arguments), 0);

        char a[65536], b[65536];
        ssize_t n = pread(child.fd, a, sizeof(a), 0);
        assert_true(n > 100 && n < (ssize_t)sizeof(a));
        assert_int_equal(pread(fd, b, sizeof(b), 0), n);
        assert_memory_equal(a, b, (size_t)n);
        assert_int_equal(finish(&child), 0);
        (void)close(fd);
        (void)unlink(path);

        assert_int_equal(run_command("--model " TINY " --prompt x --output /nonexistent/x.png"), 1);
        assert_int_equal(run_command("--model /nonexistent --prompt x --output /dev/null"), 1);
        assert_int_equal(run_command("--model " TINY " --width 15 --prompt x --output /dev/null"), 1);
        assert_int_equal(run_command("--model " TINY " --sampler nonsense --output /dev/null"), 2);
        assert_int_equal(run_command("--model " TINY " --seed -1 --output /dev/null"), 2);
        assert_int_equal(run_command("--model " TINY), 2);
        assert_int_equal(run_command("--version >/dev/null"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_command),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

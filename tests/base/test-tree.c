/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files a model has, and what makes it another one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "base/util.h"

static char folder[64];

static int setup(void **state)
{
        (void)state;
        (void)snprintf(folder, sizeof(folder), "/tmp/imagined-test-XXXXXX");
        return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
        char command[128];
        (void)state;
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
        return system(command);
}

static void run(const char *command)
{
        assert_int_equal(system(command), 0);
}

static void test_files(void **state)
{
        static const char *const wanted[] = { "B", "a/b/c/deep", "a/link", "a.txt", "two words" };
        _cleanup_(tree_done) Tree tree = {};
        (void)state;

        run("mkdir -p m/a/b/c/d m/.git && cd m && echo 12345 >B && echo x >a.txt && echo >'two words' &&"
            "echo >a/b/c/deep && echo >a/b/c/d/deeper && echo >.hidden && echo >.git/config && mkfifo fifo &&"
            "ln -s ../B a/link && ln -s nowhere broken && ln -s .. a/b/c/up");
        assert_int_equal(tree_read(&tree, "m"), 0);
        assert_int_equal(tree.n, ELEMENTSOF(wanted));
        for (size_t i = 0; i < tree.n; i++) {
                bool found = false;
                for (size_t j = 0; j < tree.n; j++)
                        found = found || streq(tree.files[i].path, wanted[j]);
                if (!found)
                        fail_msg("%s should not be there", tree.files[i].path);
                assert_true(i == 0 || strcmp(tree.files[i - 1].path, tree.files[i].path) < 0);
        }
        assert_int_equal(tree.files[0].size, 6);
        assert_int_equal(tree.size, 6 + 6 + 2 + 1 + 1);
        assert_false(tree.is_file);
}

static void test_one_file(void **state)
{
        _cleanup_(tree_done) Tree tree = {};
        (void)state;

        run("echo 123 >one.safetensors");
        assert_int_equal(tree_read(&tree, "./one.safetensors"), 0);
        assert_true(tree.is_file);
        assert_int_equal(tree.n, 1);
        assert_string_equal(tree.files[0].path, "one.safetensors");

        /* And what lies beside it for it. */
        static const char *const wanted[] = { "one.json", "one.safetensors", "one.vae.safetensors" };
        _cleanup_(tree_done) Tree more = {};
        run("echo 1 >one.json; echo 22 >one.vae.safetensors; echo 3 >other.json");
        assert_int_equal(tree_read(&more, "./one.safetensors"), 0);
        assert_int_equal(more.n, ELEMENTSOF(wanted));
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                assert_string_equal(more.files[i].path, wanted[i]);
        assert_int_equal(more.size, 4 + 2 + 3);
}

static void test_refused(void **state)
{
        _cleanup_(tree_done) Tree tree = {};
        (void)state;

        assert_int_equal(tree_read(&tree, "nothing"), -ENOENT);
        run("mkdir many && cd many && seq 1000 | xargs touch");
        assert_int_equal(tree_read(&tree, "many"), 0);
        tree_done(&tree);
        run("touch many/1001");
        assert_int_equal(tree_read(&tree, "many"), -E2BIG);
        assert_int_equal(tree.n, 0);
}

static char *identity(void)
{
        _cleanup_(tree_done) Tree tree = {};
        char *text;

        assert_int_equal(tree_read(&tree, "id"), 0);
        assert_int_equal(tree_identity(&tree, &text), 0);
        return text;
}

/* Each of these makes another model of it, also where size and mtime stay as they were. */
static void test_identity(void **state)
{
        static const char *const changes[] = {
                "echo more >>id/a",
                "touch -d 2020-01-01 id/a",
                "mv id/a id/c",
                "cp -p id/c id/d && mv id/d id/c",
                "echo >id/e",
                "rm id/e",
                "sleep 0.02; echo changed >id/b; touch -d 2020-01-01 id/b",
                "sleep 0.02; echo CHANGED >id/b; touch -d 2020-01-01 id/b",
        };
        (void)state;

        run("mkdir id && echo >id/a && echo >id/b");
        _cleanup_(freep) char *before = identity(), *again = identity();
        assert_string_equal(before, again);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                run(changes[i]);
                char *after = identity();
                if (streq(before, after))
                        fail_msg("unnoticed: %s", changes[i]);
                free(before);
                before = after;
        }
}

/* It goes into a text file and over no bus: any name must do. */
static void test_identity_is_plain(void **state)
{
        (void)state;
        run("rm -rf id && mkdir id && touch id/$(printf 'new\\nline') \"id/b\\\\ \\\"\" id/$(printf '\\377')");
        _cleanup_(freep) char *text = identity();
        for (const char *p = text; *p; p++)
                assert_true(*p == '\n' || (*p >= ' ' && *p < 127));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_one_file),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_identity),
                cmocka_unit_test(test_identity_is_plain),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that a program keeps for itself. */

#include "base/error.h"
#include "../scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* In place of the library's: what was to be on the disk, in its order. */
static char synced[64];

int fsync(int fd)
{
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        (void)strncat(synced, S_ISDIR(st.st_mode) ? "folder with " : "file ", sizeof(synced) - strlen(synced) - 1);
        if (S_ISDIR(st.st_mode)) /* the name is the new file's by then */
                (void)strncat(synced, access(scratch_path("kept"), F_OK) >= 0 ? "name" : "none", sizeof(synced) - strlen(synced) - 1);
        return 0;
}

static void assert_file(const char *path, const char *text)
{
        char buffer[64] = "";
        struct stat st;
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        assert_int_equal(fread(buffer, 1, sizeof(buffer) - 1, f), strlen(text));
        assert_int_equal(fclose(f), 0);
        assert_string_equal(buffer, text);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_put(void **state)
{
        char path[PATH_MAX];
        struct stat st;
        (void)state;

        (void)umask(0);
        (void)snprintf(path, sizeof(path), "%s", scratch_path("a/b/c"));
        assert_int_equal(file_put(path, "none", false), -ENOENT);
        assert_int_equal(file_make_folders(path, 0700), 0);
        assert_int_equal(file_make_folders(path, 0700), 0); /* they are there */
        assert_int_equal(stat(scratch_path("a/b"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(file_put(path, "one", true), 0);
        assert_file(path, "one");
        assert_int_equal(file_put(path, "two and more", false), 0);
        assert_file(path, "two and more");
        assert_int_equal(file_make_folders(scratch_path("a/b/c/d"), 0700), 0); /* up to a file, which is none */
        assert_int_equal(file_make_folders(scratch_path("a/b/c/d/e"), 0700), -ENOTDIR);
        scratch_run("test $(ls -A a/b | wc -l) = 1"); /* nothing temporary is left */
}

static void test_what_lasts_is_on_the_disk_with_its_name(void **state)
{
        char path[PATH_MAX];
        (void)state;

        (void)snprintf(path, sizeof(path), "%s", scratch_path("kept"));
        synced[0] = '\0';
        assert_int_equal(file_put(path, "one", false), 0);
        assert_string_equal(synced, "");
        scratch_run("rm kept");
        assert_int_equal(file_put(path, "two", true), 0);
        assert_string_equal(synced, "file folder with name");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_put), cmocka_unit_test(test_what_lasts_is_on_the_disk_with_its_name) };

        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

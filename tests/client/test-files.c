/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of files, and how they are written. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "client/files.h"
#include "client/names.h"
#include "client/output.h"

static void test_names_from_prompts(void **state)
{
        static const struct {
                const char *prompt, *name;
        } cases[] = {
                { "a red fox", "a-red-fox" },
                { "", "picture" },
                { "   ", "picture" },
                { "...", "picture" },
                { "日本語", "picture" },
                { "../../etc/passwd", "etc-passwd" },
                { "-rf --force", "rf-force" },
                { ".hidden", "hidden" },
                { "a\nb\tc\033[2J", "a-b-c-2j" },
                { "Élan vital, the fox's Größe!", "elan-vital-the-foxs-grosse" },
                { "ﬁve ½", "five-1-2" },
                { "Łódź, Ærø, ıslak, Þór", "lodz-aero-islak-thor" },
                { "x\xff" "y", "x-y" }, /* not UTF-8; such prompts do not get here */
                { "a red fox wearing sunglasses on a skateboard in the evening light of the city",
                  "a-red-fox-wearing-sunglasses-on-a-skateboard-in-the-evening" },
                { "0123456789012345678901234567890123456789012345678901234567890123456789",
                  "012345678901234567890123456789012345678901234567890123456789" },
                { "012345678901234567890123456789012345678901234567890123456789 next",
                  "012345678901234567890123456789012345678901234567890123456789" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *name = name_from_prompt(cases[i].prompt);
                assert_non_null(name);
                assert_string_equal(name, cases[i].name);
        }
}

/* Whatever the bytes: a plain name of bounded length. */
static void test_names_are_plain(void **state)
{
        uint32_t random = 12345;
        char prompt[200];

        (void)state;
        for (int round = 0; round < 2000; round++) {
                size_t length = (random >> 8) % (sizeof(prompt) - 1);
                for (size_t i = 0; i < length; i++) {
                        random = random * 1664525 + 1013904223;
                        prompt[i] = (char)(1 + (random >> 16) % (round % 2 ? 255 : 127));
                }
                random = random * 1664525 + 1013904223;
                prompt[length] = '\0';
                _cleanup_(freep) char *name = name_from_prompt(prompt);
                assert_in_range(strlen(name), 1, WORDS_MAX);
                assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
                assert_int_not_equal(name[0], '-');
                assert_int_not_equal(name[strlen(name) - 1], '-');
        }
}

static void test_numbers(void **state)
{
        static const struct {
                const char *name;
                unsigned number;
                const char *result;
        } cases[] = {
                { "fox.png", 0, "fox.png" },       { "fox.png", 2, "fox-2.png" },
                { "fox", 2, "fox-2" },             { "a.b/fox", 2, "a.b/fox-2" },
                { ".fox", 2, ".fox-2" },           { "a/.fox", 3, "a/.fox-3" },
                { "fox.tar.png", 1, "fox.tar-1.png" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *name = name_numbered(cases[i].name, cases[i].number);
                assert_string_equal(name, cases[i].result);
        }
        _cleanup_(freep) char *first = name_for_seed("fox", UINT64_MAX, 1, "png");
        assert_string_equal(first, "fox-18446744073709551615.png");
        _cleanup_(freep) char *second = name_for_seed("fox", 7, 2, "jpg");
        assert_string_equal(second, "fox-7-2.jpg");
}

/* Each of these tests runs in an empty directory. */
static int enter_directory(void **state)
{
        char *path = strdup("/tmp/imagine-files-XXXXXX");

        if (!path || !mkdtemp(path))
                return -1;
        assert_return_code(chdir(path), errno);
        *state = path;
        return 0;
}

static int leave_directory(void **state)
{
        char command[PATH_MAX];

        (void)snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
        assert_return_code(chdir("/"), errno);
        assert_return_code(system(command), errno);
        free(*state);
        return 0;
}

static void assert_holds(const char *path, const char *text)
{
        char buffer[64] = "";
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                fail_msg("%s: %s", path, strerror(errno));
        assert_true(read(fd, buffer, sizeof(buffer) - 1) >= 0);
        assert_string_equal(buffer, text);
}

static int entries(void)
{
        FILE *f = popen("ls -A | wc -l", "r");
        int count = -1;

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%d", &count), 1);
        (void)pclose(f);
        return count;
}

static void test_new_files(void **state)
{
        struct stat st;

        (void)state;
        (void)umask(027);
        assert_int_equal(file_write_new("a", "one", 3), 0);
        assert_int_equal(file_write_new("a", "two", 3), -EEXIST);
        assert_holds("a", "one");
        assert_return_code(stat("a", &st), errno);
        assert_int_equal(st.st_mode & 0777, 0640);

        assert_return_code(symlink("nowhere", "link"), errno);
        assert_int_equal(file_write_new("link", "x", 1), -EEXIST);
        assert_int_equal(file_write_new("no/such", "x", 1), -ENOENT);
        assert_int_equal(entries(), 2); /* nothing temporary is left */
}

static void test_replaced_files(void **state)
{
        struct stat st;

        (void)state;
        (void)umask(027);
        assert_int_equal(file_replace("a", "one", 3), 0);
        assert_int_equal(file_replace("a", "two!", 4), 0);
        assert_holds("a", "two!");
        assert_return_code(stat("a", &st), errno);
        assert_int_equal(st.st_mode & 0777, 0640);

        /* What the link points to is replaced, not the link. */
        assert_return_code(symlink("a", "link"), errno);
        assert_int_equal(file_replace("link", "three", 5), 0);
        assert_holds("a", "three");
        assert_return_code(lstat("link", &st), errno);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(entries(), 2);
}

/* From now on the disk says this to whoever waits for it. */
static void refuse_sync(int error)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { ELEMENTSOF(filter), filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                _exit(2);
}

/* Network file systems have room for what they are told, and none for keeping it. */
static void test_full_disks(void **state)
{
        static const struct {
                int error, expected;
        } cases[] = { { ENOSPC, -ENOSPC }, { EDQUOT, -EDQUOT }, { EIO, -EIO }, { EINVAL, 0 } };
        int status;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                pid_t pid = fork();
                assert_return_code(pid, errno);
                if (pid == 0) {
                        refuse_sync(cases[i].error);
                        _exit(file_write_new("new", "one", 3) != cases[i].expected || file_replace("old", "one", 3) != cases[i].expected);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
                assert_int_equal(entries(), cases[i].expected == 0 ? 2 : 0);
        }
}

static void test_output(void **state)
{
        Output output = { 0 };
        Error error = { 0 };
        char *path = NULL;

        (void)state;
        assert_int_equal(output_prepare(&output, NULL, false, "fox", 1, &error), 0);
        for (int i = 1; i <= 3; i++) {
                static const char *const names[] = { "./fox-7.png", "./fox-7-2.png", "./fox-7-3.png" };
                assert_int_equal(output_write(&output, 0, 7, &(Picture) { .data = (const uint8_t *)"x", .size = 1, .extension = "png" }, &path, &error), 0);
                assert_string_equal(path, names[i - 1]);
                free(path);
        }
        output_done(&output);

        /* A file that comes while the picture is made is not lost, and neither is the picture. */
        assert_int_equal(output_prepare(&output, "late.png", false, "fox", 1, &error), 0);
        assert_int_equal(file_write_new("late.png", "theirs", 6), 0);
        assert_int_equal(output_write(&output, 0, 7, &(Picture) { .data = (const uint8_t *)"ours", .size = 4, .extension = "png" }, &path, &error), 0);
        assert_string_equal(path, "late-2.png");
        assert_holds("late.png", "theirs");
        free(path);
        output_done(&output);

        assert_int_equal(output_prepare(&output, "late.png", false, "fox", 1, &error), -EEXIST);
        assert_int_equal(output_prepare(&output, "none/", false, "fox", 1, &error), -ENOENT);
        assert_int_equal(output_prepare(&output, "none/fox.png", false, "fox", 1, &error), -ENOENT);
        assert_int_equal(output_prepare(&output, "late.png/fox.png", false, "fox", 1, &error), -ENOTDIR);

        /* A device is written to, whatever --force says. */
        assert_int_equal(output_prepare(&output, "/dev/null", true, "fox", 1, &error), 0);
        assert_int_equal(output_write(&output, 0, 7, &(Picture) { .data = (const uint8_t *)"x", .size = 1, .extension = "png" }, &path, &error), 0);
        assert_string_equal(path, "/dev/null");
        struct stat st;
        assert_return_code(stat("/dev/null", &st), errno);
        assert_true(S_ISCHR(st.st_mode));
        free(path);
        output_done(&output);
        assert_int_equal(output_prepare(&output, "/dev/null", false, "fox", 2, &error), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_from_prompts),
                cmocka_unit_test(test_names_are_plain),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test_setup_teardown(test_new_files, enter_directory, leave_directory),
                cmocka_unit_test_setup_teardown(test_replaced_files, enter_directory, leave_directory),
                cmocka_unit_test_setup_teardown(test_full_disks, enter_directory, leave_directory),
                cmocka_unit_test_setup_teardown(test_output, enter_directory, leave_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/memfd.h"
#include "base/util.h"

static void test_sealed(void **state)
{
        (void)state;
        _cleanup_(closep) int fd = memfd_new_sealed("test", "picture", 7);
        char text[8] = "";
        size_t size = 0;

        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(memfd_check_sealed(fd, 7, &size), 0);
        assert_int_equal(size, 7);
        assert_int_equal(memfd_check_sealed(fd, 7, NULL), 0);
        assert_int_equal(read(fd, text, 8), 7);
        assert_string_equal(text, "picture");

        /* Nobody changes it any more. */
        assert_int_equal(pwrite(fd, "x", 1, 0), -1);
        assert_int_equal(ftruncate(fd, 3), -1);
        assert_int_equal(ftruncate(fd, 30), -1);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        assert_ptr_equal(mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void test_refused(void **state)
{
        (void)state;
        _cleanup_(closep) int empty = memfd_new_sealed("test", "", 0),
                              large = memfd_new_sealed("test", "12345678", 8);
        _cleanup_(closep) int plain = memfd_create("test", MFD_CLOEXEC),
                              null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        size_t size = 4711;

        assert_int_equal(memfd_check_sealed(empty, 7, &size), -ENODATA);
        assert_int_equal(memfd_check_sealed(large, 7, &size), -EFBIG);
        assert_int_equal(memfd_check_sealed(plain, 7, &size), -EBADF);
        assert_int_equal(memfd_check_sealed(null, 7, &size), -EBADF);
        assert_int_equal(memfd_check_sealed(-1, 7, &size), -EBADF);
        assert_int_equal(size, 4711);
}

/* Each seal that is missing is noticed. */
static void test_missing_seals(void **state)
{
        (void)state;
        static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };

        for (size_t missing = 0; missing < ELEMENTSOF(seals); missing++) {
                _cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                int mask = 0;
                assert_int_equal(write(fd, "x", 1), 1);
                for (size_t i = 0; i < ELEMENTSOF(seals); i++)
                        mask |= i == missing ? 0 : seals[i];
                assert_int_equal(fcntl(fd, F_ADD_SEALS, mask), 0);
                assert_int_equal(memfd_check_sealed(fd, 7, NULL), -EBADF);
        }
}

static void test_reopen(void **state)
{
        (void)state;
        _cleanup_(closep) int fd = memfd_new_sealed("test", "picture", 7);
        _cleanup_(closep) int copy = memfd_reopen(fd);
        char c;

        assert_true(copy >= 0);
        assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(copy, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(memfd_check_sealed(copy, 7, NULL), 0);
        assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
        assert_int_equal(read(copy, &c, 1), 1); /* from the start: its offset is its own */
        assert_int_equal(c, 'p');
        assert_int_equal(memfd_reopen(-1), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sealed),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_missing_seals),
                cmocka_unit_test(test_reopen),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

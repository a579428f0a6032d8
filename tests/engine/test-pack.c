/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed weights that are kept in a file: the same pictures, and no way for a file to do harm. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/engine/engines.h"

static char folder[] = "/tmp/test-pack-XXXXXX", path[64];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/pack", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(folder);
}

static Engine *open_packed(int old_fd, int new_fd)
{
        Engine *engine = NULL;
        Error error = {};

        if (engine_new_packed(&engine, TINY, 2, PRECISION_AUTO, &(PackFiles) { old_fd, new_fd }, &error) < 0)
                fail_msg("%s", error.text);
        return engine;
}

static void paint_fox(Engine *engine, Picture *ret)
{
        _cleanup_(freep) Request *q = new_request();

        (void)snprintf(q->prompt, sizeof(q->prompt), "a red fox");
        q->seed = 7;
        paint(engine, q, ret);
}

/* What it draws, and whether it wrote a pack into new_fd. */
static int draw_with(int old_fd, int new_fd, Picture *ret)
{
        _cleanup_(engine_freep) Engine *engine = open_packed(old_fd, new_fd);

        paint_fox(engine, ret);
        return engine_seal_pack(engine);
}

static void write_pack(Picture *ret)
{
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(draw_with(-1, fd, ret), 1);
}

/* With that file as the old one: whether it was read, rather than a new one written. The pixels must be the same. */
static bool is_read(const Picture *wanted)
{
        char new_path[80];
        _cleanup_(picture_done) Picture picture = {};
        (void)snprintf(new_path, sizeof(new_path), "%s.new", path);
        _cleanup_(closep) int old = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int new = open(new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(unlink(new_path), 0);
        const int written = draw_with(old, new, &picture);
        assert_true(are_equal(&picture, wanted));
        return written == 0;
}

static void test_round(void **state)
{
        (void)state;
        _cleanup_(picture_done) Picture plain = {}, written = {};
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);

        paint_fox(engine, &plain);
        assert_int_equal(engine_seal_pack(engine), 0);
        write_pack(&written);
        assert_true(are_equal(&written, &plain));
        assert_true(is_read(&plain));

        /* It is the file that is drawn from: without its contents there is another picture. */
        _cleanup_(picture_done) Picture empty = {};
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        for (off_t at = 65536; at < st.st_size; at += 4096)
                assert_int_equal(pwrite(fd, (char[4096]) {}, 4096, at), 4096);
        assert_int_equal(draw_with(fd, -1, &empty), 0);
        assert_false(are_equal(&empty, &plain));
}

static void change_byte(off_t at)
{
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CLOEXEC);
        unsigned char byte;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x5a;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Whatever stands in the header, and however long the file is. */
static void test_broken(void **state)
{
        (void)state;
        _cleanup_(picture_done) Picture plain = {};
        struct stat st;

        write_pack(&plain);
        assert_int_equal(stat(path, &st), 0);
        for (off_t at = 0; at < 168; at += 21) {
                change_byte(at);
                bool read = is_read(&plain);
                /* A byte between the members of the header means nothing. */
                if (read && at < 72)
                        fail_msg("byte %d made no difference", (int)at);
                change_byte(at);
        }
        assert_true(is_read(&plain));

        const off_t sizes[] = { 0, 1, 100, 4096, 65536, st.st_size - 4096, st.st_size + 4096 };
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                assert_int_equal(truncate(path, sizes[i]), 0);
                assert_false(is_read(&plain));
                picture_done(&plain);
                write_pack(&plain);
        }
}

/* By another file of weights. */
static void test_other(void **state)
{
        (void)state;
        _cleanup_(picture_done) Picture plain = {}, other = {};
        _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        _cleanup_(engine_freep) Engine *engine = open_packed(-1, fd);

        paint_fox(engine, &plain);
        assert_int_equal(engine_seal_pack(engine), 1);
        assert_true(is_read(&plain));

        Engine *xl = NULL;
        assert_int_equal(engine_new_packed(&xl, "tests/fixtures/tiny-xl", 2, PRECISION_AUTO, &(PackFiles) { fd, -1 }, NULL), 0);
        paint_fox(xl, &other);
        engine_free(xl);
        assert_false(are_equal(&plain, &other));
        assert_true(is_read(&plain));
}

/* Where nothing can be written it goes without. */
static void test_full(void **state)
{
        (void)state;
        _cleanup_(picture_done) Picture plain = {}, picture = {};
        _cleanup_(closep) int full = open("/dev/full", O_RDWR | O_CLOEXEC), read_only = -1;

        write_pack(&plain);
        read_only = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(draw_with(-1, full, &picture), 0);
        assert_true(are_equal(&picture, &plain));
        picture_done(&picture);
        assert_int_equal(draw_with(full, read_only, &picture), 0);
        assert_true(are_equal(&picture, &plain));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_other),
                cmocka_unit_test(test_full),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

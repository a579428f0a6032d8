/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs that start from pictures: which descriptors are taken, when their bytes count, and what decoders may do. The stub's
 * pictures are texts (stub-decode.h). */

#include <sys/socket.h>

#include "inputs.h"

static Place place;

#define SETTINGS \
        "default_model = \"stub\"; input_bytes_per_user = 100000; descriptors_per_user = 1000; descriptors_total = 1000; "

static int setup(void **state)
{
        return place_set_up(state, &place, SETTINGS, "stub", "stub-slow");
}

/* The picture of a job that starts from those descriptors. */
static int picture_from(sd_bus *bus, int image, int mask)
{
        JobRef job;

        if (mask >= 0)
                assert_true(generate(bus, &job, "x", 3, "seed", "t", UINT64_C(5), "init-image", "h", image, "mask", "h",
                                     mask) >= 0);
        else
                assert_true(generate(bus, &job, "x", 2, "seed", "t", UINT64_C(5), "init-image", "h", image) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        return fd;
}

/* The same bytes are the same picture, whatever they come in. */
static void test_kinds_of_descriptors(void **state)
{
        static const char text[] = "8x8 40";
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char path[PATH_MAX];
        (void)state;

        _cleanup_(closep) int sealed = sealed_of(text), other = sealed_of("8x8 41"), mask = sealed_of("4x4 9");
        _cleanup_(closep) int memfd = memfd_create("test", MFD_CLOEXEC);
        assert_int_equal(write(memfd, text, 6), 6); /* the offset is at the end */
        (void)snprintf(path, sizeof(path), "%s/picture", place.directory);
        write_file(path, text);
        _cleanup_(closep) int file = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(file >= 0);

        _cleanup_(closep) int a = picture_from(bus, sealed, -1), b = picture_from(bus, memfd, -1),
                              c = picture_from(bus, file, -1), d = picture_from(bus, other, -1),
                              e = picture_from(bus, sealed, mask), f = picture_from(bus, file, memfd);
        assert_true(are_same(a, b));
        assert_true(are_same(a, c));
        assert_false(are_same(a, d));
        assert_false(are_same(a, e));
        assert_false(are_same(e, f));
}

/* What is written to a file after the answer changes nothing. */
static void test_the_bytes_of_the_call_count(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef first, job;
        char path[PATH_MAX];
        (void)state;

        (void)snprintf(path, sizeof(path), "%s/changing", place.directory);
        write_file(path, "8x8 40");
        _cleanup_(closep) int file = open(path, O_RDWR | O_CLOEXEC), sealed = sealed_of("8x8 40");
        assert_true(generate(bus, &first, "x", 1, "model", "s", "stub-slow") >= 0);
        assert_true(generate(bus, &job, "x", 2, "seed", "t", UINT64_C(5), "init-image", "h", file) >= 0);
        assert_int_equal(pwrite(file, "9x9 99", 6, 0), 6);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int a = get_result(bus, job.path, 0, NULL), b = picture_from(bus, sealed, -1);
        assert_true(are_same(a, b));
}

static void assert_refused(sd_bus *bus, int fd, const char *what)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;

        assert_true(fd >= 0);
        assert_true(generate_error(bus, &job, &error, "x", 1, "init-image", "h", fd) < 0);
        if (!error.message || !strstr(error.message, what))
                fail_msg("'%s' is not '%s'", error.message, what);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        (void)close(fd);
}

static void test_what_is_no_file(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char path[PATH_MAX], fifo[PATH_MAX];
        int pipes[2], sockets[2];
        (void)state;

        (void)snprintf(path, sizeof(path), "%s/written", place.directory);
        (void)snprintf(fifo, sizeof(fifo), "%s/fifo", place.directory);
        write_file(path, "8x8 40");
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        assert_refused(bus, open(place.directory, O_RDONLY | O_CLOEXEC), "init-image: a directory");
        assert_refused(bus, pipes[0], "init-image: neither a file nor a memfd");
        assert_refused(bus, open(fifo, O_RDWR | O_CLOEXEC), "init-image: neither a file nor a memfd");
        assert_refused(bus, sockets[0], "init-image: neither a file nor a memfd");
        assert_refused(bus, open("/dev/zero", O_RDONLY | O_CLOEXEC), "init-image: neither a file nor a memfd");
        assert_refused(bus, open(path, O_PATH | O_CLOEXEC), "init-image: cannot be read");
        assert_refused(bus, open(path, O_WRONLY | O_CLOEXEC), "init-image: cannot be read");
        (void)close(pipes[1]);
        (void)close(sockets[1]);
}

static void test_sizes(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        assert_refused(bus, memfd_create("empty", MFD_CLOEXEC), "init-image: an empty file");
        for (int seals = 0; seals < 2; seals++) {
                int large = memfd_create("large", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                assert_int_equal(ftruncate(large, (32 << 20) + 1), 0);
                if (seals)
                        assert_int_equal(fcntl(large, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
                assert_refused(bus, large, "init-image: more than 32 MiB");
        }

        /* input_bytes_per_user */
        _cleanup_(closep) int fd = memfd_create("hole", MFD_CLOEXEC);
        assert_int_equal(ftruncate(fd, 100001), 0);
        assert_true(generate_error(bus, &job, &error, "x", 1, "init-image", "h", fd) < 0);
        assert_non_null(strstr(error.message, "input_bytes_per_user"));
        assert_bus_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED);
        /* What has ended does not count. */
        _cleanup_(closep) int sealed = sealed_of("8x8 40                                                          ");
        for (int i = 0; i < 20; i++) {
                _cleanup_(closep) int picture = picture_from(bus, sealed, sealed);
                assert_true(picture >= 0);
        }
}

static void test_what_does_not_go_together(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int fd = sealed_of("8x8 40");
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        assert_true(generate_error(bus, &job, &error, "x", 1, "mask", "h", fd) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "strength", "d", 0.5) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 3, "init-image", "h", fd, "mask", "h", fd, "strength", "d", 0.0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "outpaint", "(uuuu)", 8, 0, 0, 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 3, "init-image", "h", fd, "mask", "h", fd, "outpaint", "(uuuu)", 8,
                                   0, 0, 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "x", 1, "init-image", "s", "/etc/passwd") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
}

static void assert_job_fails(sd_bus *bus, const char *image, const char *mask, const char *name, const char *text)
{
        _cleanup_(closep) int fd = sealed_of(image), mask_fd = sealed_of(mask);
        char error[128], sentence[512];
        JobRef job;

        assert_true(generate(bus, &job, "x", 2, "init-image", "h", fd, "mask", "h", mask_fd) >= 0);
        wait_for_end(bus, job.path, error, sentence);
        assert_string_equal(error, name);
        if (!strstr(sentence, text))
                fail_msg("'%s' is not '%s'", sentence, text);
}

static void assert_next_is_done(sd_bus *bus)
{
        _cleanup_(closep) int good = sealed_of("8x8 1"), next = picture_from(bus, good, -1);
        assert_true(next >= 0);
}

/* That job fails with that error, and the next one is done. */
static void assert_fails(sd_bus *bus, const char *image, const char *mask, const char *name, const char *text)
{
        assert_job_fails(bus, image, mask, name, text);
        assert_next_is_done(bus);
}

static void reload(sd_bus *bus, const char *settings)
{
        place_write_config(&place, settings);
        assert_int_equal(kill(place.service, SIGHUP), 0);
        assert_true(manager_call(bus, "Describe", NULL, NULL, NULL) >= 0); /* answered after that */
}

/* Only those have a short time: sound ones take theirs on a machine that has other work. */
static void assert_takes_too_long(sd_bus *bus, const char *image, const char *mask, const char *text)
{
        reload(bus, SETTINGS "load_seconds = 4;");
        assert_job_fails(bus, image, mask, IMAGINE_ERROR_INVALID_ARGS, text);
        reload(bus, SETTINGS);
        assert_next_is_done(bus);
}

static void test_decoders_that_fail(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        assert_fails(bus, "broken", "4x4 1", IMAGINE_ERROR_INVALID_ARGS, "init-image: a broken PNG");
        assert_fails(bus, "memory", "4x4 1", IMAGINE_ERROR_OUT_OF_MEMORY, "out of memory");
        assert_fails(bus, "dies", "4x4 1", IMAGINE_ERROR_WORKER_DIED, "init-image: ");
        assert_fails(bus, "4x4 1", "leaves", IMAGINE_ERROR_WORKER_DIED, "mask: ");
        assert_takes_too_long(bus, "4x4 1", "burns", "mask: decoding it takes too long");
        assert_takes_too_long(bus, "hangs", "4x4 1", "init-image: decoding it takes too long");
        assert_fails(bus, "garbage", "4x4 1", IMAGINE_ERROR_WORKER_DIED, "init-image: ");
        assert_fails(bus, "8x8 1 wrong-job", "4x4 1", IMAGINE_ERROR_WORKER_DIED, "init-image: ");
        assert_fails(bus, "8x8 1 wrong-size", "4x4 1", IMAGINE_ERROR_WORKER_DIED, "init-image: ");
        assert_fails(bus, "8x8 1", "8x8 1 wrong-input", IMAGINE_ERROR_WORKER_DIED, "mask: ");
}

/* Cancelled, released, or left alone while it is decoded: the next one is done. */
static void test_ends_while_decoding(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int hanging = sealed_of("hangs"), good = sealed_of("8x8 1");
        JobRef job;
        (void)state;

        for (int i = 0; i < 3; i++) {
                _cleanup_(bus_closep) sd_bus *own = place_connect(&place);
                assert_true(generate(own, &job, "x", 1, "init-image", "h", hanging) >= 0);
                assert_true(wait_for_state(own, job.path, IMAGINE_STATE_LOADING));
                if (i < 2)
                        assert_true(job_call(own, job.path, i == 0 ? "Cancel" : "Release", NULL, NULL, NULL) >= 0);
                else
                        sd_bus_close(own);
                _cleanup_(closep) int next = picture_from(bus, good, -1);
                assert_true(next >= 0);
        }
}

/* The machine's instance knows of no other generator. */
static void test_no_imports(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/rgb.png", SIZE_MAX);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)state;

        assert_true(manager_call(bus, "Import", &error, NULL, "hsa{sv}", picture, "a fox", 1, "provider", "s", "midjourney") < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_NOT_CONFIGURED));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds_of_descriptors), cmocka_unit_test(test_the_bytes_of_the_call_count),
                cmocka_unit_test(test_what_is_no_file),      cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_what_does_not_go_together), cmocka_unit_test(test_decoders_that_fail),
                cmocka_unit_test(test_ends_while_decoding), cmocka_unit_test(test_no_imports),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that becomes short: what the service is told by a FIFO, a socket, a pressure file of the kernel's and that of its own
 * cgroup, and what it does. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>

#include <linux/magic.h>

#include "calls.h"
#include "cgroup.h"

#define LONG_JOB "width", "u", 64, "height", "u", 64, "steps", "u", 40, "seed", "t", UINT64_C(7)
#define SETTINGS "default_model = \"tiny\"; threads = 1;"
#define HOGS 4
#define FOOD (64 << 20) /* bytes that a hog reads again and again */
#define ROOM (8 << 20) /* that it may keep of them */

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, NULL);
}

static const char *in_place(const char *name)
{
        static char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        (void)snprintf(path, sizeof(path), "%s/%s", place.directory, name);
        return path;
}

static void start_watching(const char *watch, const char *base64)
{
        assert_int_equal(setenv("MEMORY_PRESSURE_WATCH", watch, 1), 0);
        assert_int_equal(base64 ? setenv("MEMORY_PRESSURE_WRITE", base64, 1) : 0, 0);
        place_start_service(&place, SETTINGS);
        assert_int_equal(unsetenv("MEMORY_PRESSURE_WATCH"), 0);
        assert_int_equal(unsetenv("MEMORY_PRESSURE_WRITE"), 0);
}

static void draw(sd_bus *bus)
{
        JobRef job;
        assert_true(generate(bus, &job, "a fox", 2, "width", "u", 64, "height", "u", 64) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
}

/* Goes with its process and all of its memory. */
static void wait_until_unloaded(sd_bus *bus)
{
        assert_true(wait_for_model_state(bus, "unloaded"));
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; place_worker(&place) != 0; sleep_ms(5))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

static uint64_t checksum(int fd)
{
        uint8_t bytes[65536];
        uint64_t sum = 1469598103934665603; /* FNV-1a */
        ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

        assert_true(n > 100 && n < (ssize_t)sizeof(bytes));
        for (ssize_t i = 0; i < n; i++)
                sum = (sum ^ bytes[i]) * 1099511628211;
        return sum;
}

/* --- the protocol --- */

static void test_fifo(void **state)
{
        const char *fifo = in_place("fifo");
        JobRef job;
        (void)state;

        assert_int_equal(mkfifo(fifo, 0600), 0);
        start_watching(fifo, NULL);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int fd = open(fifo, O_WRONLY | O_CLOEXEC);

        /* At work the model stays, and the job comes to its end, with the bytes that it always has. */
        assert_true(generate(bus, &job, "a fox", 4, LONG_JOB) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int quiet = get_result(bus, job.path, 0, NULL);
        pid_t worker = place_worker(&place);
        assert_int_equal(kill(worker, SIGSTOP), 0);
        assert_true(generate(bus, &job, "a fox", 4, LONG_JOB) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(kill(worker, SIGCONT), 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(place_worker(&place), worker);
        _cleanup_(closep) int pressed = get_result(bus, job.path, 0, NULL);
        assert_true(checksum(quiet) == checksum(pressed));

        /* Idle it goes. One event a second is heard, and none is forgotten. */
        assert_int_equal(write(fd, "x", 1), 1);
        wait_until_unloaded(bus);
        assert_true(is_gone(worker));
        draw(bus);
        place_stop_service(&place);
}

static void test_socket(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char text[] = "some 150000 1000000";
        char said[64] = "";
        (void)state;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_place("socket"));
        _cleanup_(closep) int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 1), 0);
        start_watching(address.sun_path, "c29tZSAxNTAwMDAgMTAwMDAwMAA=");
        _cleanup_(closep) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(recv(fd, said, sizeof(text), MSG_WAITALL), sizeof(text));
        assert_string_equal(said, text);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        assert_int_equal(write(fd, "x", 1), 1);
        wait_until_unloaded(bus);
        /* Whoever tells it may go. */
        assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
        draw(bus);
        place_stop_service(&place);
}

/* It is not watched then, and what cannot be watched is said. */
static void test_none(void **state)
{
        (void)state;
        start_watching("/dev/null", NULL);
        place_stop_service(&place);
        _cleanup_(freep) char *before = place_log(&place);
        assert_null(strstr(before, "not watched"));
        start_watching(in_place("nowhere"), NULL);
        place_stop_service(&place);
        start_watching(in_place("fifo"), "no base64!");
        place_stop_service(&place);
        _cleanup_(freep) char *log = place_log(&place);
        const char *first = strstr(log, "not watched");
        assert_non_null(first);
        assert_non_null(strstr(first + 1, "not watched"));
}

/* --- the kernel's files --- */

typedef struct Hogs {
        Cgroup memory;
        pid_t pids[HOGS];
} Hogs;

/* What is read from a disk is what can be given back and read again. */
static void make_food(const char *path)
{
        static const char zeros[1 << 20];
        struct statfs fs;

        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fstatfs(fd, &fs), 0);
        if (fs.f_type == TMPFS_MAGIC)
                skip();
        for (size_t n = 0; n < FOOD; n += sizeof(zeros))
                assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

_Noreturn static void eat(const char *path)
{
        static char buffer[65536];

        for (;;) {
                _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
                CHECK(fd >= 0);
                while (read(fd, buffer, sizeof(buffer)) > 0)
                        ;
        }
}

/* They wait for memory all the time, also where the processors have much other work. */
static void start_hogs(Hogs *hogs)
{
        const char *food = in_place("food");

        for (size_t i = 0; i < HOGS; i++) {
                hogs->pids[i] = fork_child();
                if (hogs->pids[i] == 0) {
                        CHECK(write_number(hogs->memory.path, "cgroup.procs", "0"));
                        (void)setpriority(PRIO_PROCESS, 0, -15);
                        eat(food);
                }
        }
}

static void end_hogs(const Hogs *hogs)
{
        for (size_t i = 0; i < HOGS; i++) {
                assert_int_equal(kill(hogs->pids[i], SIGKILL), 0);
                (void)waitpid(hogs->pids[i], NULL, 0);
        }
        remove_cgroup(&hogs->memory);
}

/* /proc/pressure/memory, which is that of the whole machine. */
static void test_file(void **state)
{
        const char *file = "/proc/pressure/memory";
        Hogs hogs;
        (void)state;

        _cleanup_(closep) int probe = open(file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (probe < 0) {
                print_message("%s: not for us\n", file);
                skip();
        }
        make_food(in_place("food"));
        if (!make_cgroup(&hogs.memory)) {
                print_message("no cgroup can be made\n");
                skip();
        }
        limit_cgroup(&hogs.memory, ROOM);
        start_watching(file, "c29tZSAxMDAwIDIwMDAwMDAA"); /* some 1000 2000000: every two seconds without CAP_SYS_RESOURCE */
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        start_hogs(&hogs);
        wait_until_unloaded(bus);
        end_hogs(&hogs);
        place_stop_service(&place);
        wait_for_log(&place, "Memory is short: the model goes");
}

/* Where version 2 of cgroups is mounted; NULL: nowhere. */
static const char *unified_root(void)
{
        static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        struct statfs fs;

        for (size_t i = 0; i < ELEMENTSOF(roots); i++)
                if (statfs(roots[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return roots[i];
        return NULL;
}

/* Starts the service where version 2 alone is mounted. */
static void start_in_view_of(const char *root)
{
        _cleanup_(closep) int outside = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

        assert_true(outside >= 0);
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount(root, "/sys/fs/cgroup", NULL, MS_BIND, NULL), 0);
        place_start_service(&place, SETTINGS);
        assert_int_equal(setns(outside, CLONE_NEWNS), 0);
}

/* Without a word from the service manager: the own cgroup's memory.pressure. */
static void test_own_cgroup(void **state)
{
        const char *root = unified_root();
        char own[PATH_MAX];
        Hogs hogs;
        (void)state;

        if (!root || !is_root()) {
                print_message("no cgroups of version 2, or not for us\n");
                skip();
        }
        make_food(in_place("food"));
        if (!make_cgroup(&hogs.memory))
                skip();
        (void)snprintf(own, sizeof(own), "%s/imagined-test-%d", root, (int)getpid());
        assert_true(mkdir(own, 0755) == 0 || errno == EEXIST); /* it may be the same */
        assert_true(write_number(own, "cgroup.procs", "0"));
        start_in_view_of(root);
        limit_cgroup(&hogs.memory, ROOM);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        start_hogs(&hogs);
        wait_until_unloaded(bus);
        assert_true(write_number(root, "cgroup.procs", "0"));
        place_stop_service(&place);
        end_hogs(&hogs);
        (void)rmdir(own);
        wait_for_log(&place, "Memory is short: the model goes");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fifo),
                cmocka_unit_test(test_socket),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_own_cgroup),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}

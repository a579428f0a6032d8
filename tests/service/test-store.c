/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The service is killed and started again by a service manager that keeps its descriptors: the test is that manager. */

#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "inputs.h"

#define KEPT_MAX 256

typedef struct Kept {
        char name[64];
        int fd;
} Kept;

static Place place;
static int notify_socket = -1;
static Kept kept[KEPT_MAX];
static size_t n_kept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is kept */

static void forget(const char *name)
{
        for (size_t i = n_kept; i-- > 0;)
                if (streq(kept[i].name, name)) {
                        (void)close(kept[i].fd);
                        kept[i] = kept[--n_kept];
                }
}

/* Does what the messages say that have come. */
static void heed(void)
{
        for (;;) {
                union {
                        struct cmsghdr header;
                        uint8_t space[CMSG_SPACE(4 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
                } control;
                char text[512], name[64] = "";
                struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
                struct msghdr msg = {
                        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
                };
                ssize_t n = recvmsg(notify_socket, &msg, MSG_CMSG_CLOEXEC);
                if (n < 0)
                        return;
                (void)pthread_mutex_lock(&lock);
                text[n] = '\0';
                const char *p = strstr(text, "FDNAME=");
                if (p)
                        (void)sscanf(p, "FDNAME=%63s", name);
                if (strstr(text, "FDSTOREREMOVE=1"))
                        forget(name);
                for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
                        if (c->cmsg_type == SCM_RIGHTS) {
                                assert_non_null(strstr(text, "FDSTORE=1"));
                                assert_true(n_kept < KEPT_MAX);
                                memcpy(&kept[n_kept].fd, CMSG_DATA(c), sizeof(int));
                                memcpy(kept[n_kept++].name, name, sizeof(name));
                        }
                (void)pthread_mutex_unlock(&lock);
        }
}

/* Only a few messages wait in a socket: somebody has to read them. */
static void *heed_always(void *argument)
{
        struct pollfd p = { .fd = notify_socket, .events = POLLIN };

        while (poll(&p, 1, -1) >= 0)
                heed();
        return argument;
}

static int setup(void **state)
{
        pthread_t thread;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        *state = &place;
        place_open_with(&place, "stub", "stub-slow");
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", place.directory);
        notify_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(notify_socket >= 0);
        assert_int_equal(bind(notify_socket, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        assert_int_equal(pthread_create(&thread, NULL, heed_always, NULL), 0);
        return 0;
}

static int teardown(void **state)
{
        (void)unsetenv("NOTIFY_SOCKET");
        return place_tear_down(state);
}

/* Kills the service and starts it with what was kept, as systemd does. */
static void kill_and_restart(void)
{
        char names[KEPT_MAX * 64] = "", number[16], config[PATH_MAX], program[PATH_MAX], log[PATH_MAX];
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);

        assert_int_equal(kill(place.service, SIGKILL), 0);
        assert_int_equal(wait_for_exit(place.service), 128 + SIGKILL);
        sleep_ms(100); /* what it said last is read */
        (void)pthread_mutex_lock(&lock);
        for (size_t i = 0; i < n_kept; i++) {
                (void)strcat(names, i > 0 ? ":" : "");
                (void)strcat(names, kept[i].name);
        }
        (void)snprintf(config, sizeof(config), "%s/imagined.conf", place.directory);
        (void)snprintf(log, sizeof(log), "%s/log", place.directory);
        const char *path = built("imagined", program);
        place.service = fork_child();
        if (place.service == 0) {
                int err = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
                (void)dup2(err, STDERR_FILENO);
                for (size_t i = 0; i < n_kept; i++) { /* out of the way first */
                        kept[i].fd = fcntl(kept[i].fd, F_DUPFD, 1000);
                        if (kept[i].fd < 0)
                                _exit(126);
                }
                for (size_t i = 0; i < n_kept; i++)
                        (void)dup2(kept[i].fd, 3 + (int)i);
                (void)close_range(3 + (unsigned)n_kept, ~0U, 0);
                (void)snprintf(number, sizeof(number), "%d", (int)getpid());
                (void)setenv("LISTEN_PID", number, 1);
                (void)snprintf(number, sizeof(number), "%zu", n_kept);
                (void)setenv("LISTEN_FDS", number, 1);
                (void)setenv("LISTEN_FDNAMES", names, 1);
                (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", place.address, 1);
                (void)execl(path, path, "--system", "--config", config, (char *)NULL);
                _exit(127);
        }
        (void)pthread_mutex_unlock(&lock);
        while (!name_is_owned(bus, IMAGINE_BUS_NAME))
                sleep_ms(5);
}

static bool is_kept(const char *name)
{
        bool found = false;

        (void)pthread_mutex_lock(&lock);
        for (size_t i = 0; i < n_kept; i++)
                found = found || streq(kept[i].name, name);
        (void)pthread_mutex_unlock(&lock);
        return found;
}

static size_t size_of_result(sd_bus *bus, const char *path, uint32_t index)
{
        struct stat st;
        _cleanup_(closep) int fd = get_result(bus, path, index, NULL);
        return fd >= 0 && fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
}

static void test_jobs_survive(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place), *leaving = place_connect(&place);
        JobRef done = {}, running = {}, queued = {}, orphan = {}, next = {};
        Heard heard = {};
        (void)state;

        place_start_service(&place, "default_model = \"stub\";");
        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &done, "x", 2, "count", "u", 2, "detach", "b", true) >= 0);
        assert_true(wait_for_state(bus, done.path, IMAGINE_STATE_DONE));
        size_t size = size_of_result(bus, done.path, 1);
        assert_true(size > 0);
        place_hold(&place, 3);
        assert_true(generate(bus, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 8) >= 0);
        assert_true(generate(bus, &queued, "x", 1, "detach", "b", true) >= 0);
        assert_true(generate(leaving, &orphan, "x", 1, "model", "s", "stub-slow") >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        assert_true(is_kept("picture-1-1"));
        (void)bus_close(TAKE_PTR(leaving));
        while (is_kept("job-4"))
                sleep_ms(5);

        unsigned finished = heard.finished;
        kill_and_restart();
        place_release(&place);
        /* The result is there, and what had not ended is made, for the same caller. */
        assert_int_equal(size_of_result(bus, done.path, 1), size);
        assert_true(hear_until(bus, &heard.finished, finished + 2));
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, queued.path, IMAGINE_STATE_DONE));
        assert_true(size_of_result(bus, running.path, 0) > 0);
        /* Numbers go on after those of the jobs that were kept. */
        assert_true(generate(bus, &next, "x", 0) >= 0);
        assert_int_equal(next.id, queued.id + 1);
        assert_true(wait_for_state(bus, next.path, IMAGINE_STATE_DONE));

        /* What is released is not kept either. */
        assert_true(job_call(bus, done.path, "Release", NULL, NULL, NULL) >= 0);
        while (is_kept("job-1"))
                sleep_ms(5);
        assert_false(is_kept("picture-1-0"));
        assert_false(is_kept("picture-1-1"));
}

/* What jobs start from is kept until they have ended: the picture is the one that it would have been. */
static void test_inputs_survive(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int image = sealed_of("8x8 40"), mask = sealed_of("4x4 9"), other = sealed_of("8x8 41");
        JobRef alone = {}, running = {}, queued = {}, different = {}, lost = {}; /* serial numbers 5 to 9 */
        char name[128], text[512];
        (void)state;

#define FROM(fd) "seed", "t", UINT64_C(5), "detach", "b", true, "model", "s", "stub-slow", "init-image", "h", fd, "mask", "h", mask
        assert_true(generate(bus, &alone, "x", 5, FROM(image)) >= 0);
        assert_true(wait_for_state(bus, alone.path, IMAGINE_STATE_DONE));
        while (is_kept("input-5-0")) /* of a job that has ended */
                sleep_ms(5);
        place_hold(&place, 3);
        assert_true(generate(bus, &running, "x", 6, FROM(image), "steps", "u", 8) >= 0);
        assert_true(generate(bus, &queued, "x", 5, FROM(image)) >= 0);
        assert_true(generate(bus, &different, "x", 5, FROM(other)) >= 0);
        assert_true(generate(bus, &lost, "x", 5, FROM(image)) >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        while (!is_kept("input-9-1"))
                sleep_ms(5);
        (void)pthread_mutex_lock(&lock);
        forget("input-9-1");
        (void)pthread_mutex_unlock(&lock);
        kill_and_restart();
        place_release(&place);

        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, queued.path, IMAGINE_STATE_DONE));
        assert_true(wait_for_state(bus, different.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int a = get_result(bus, alone.path, 0, NULL), b = get_result(bus, running.path, 0, NULL),
                              c = get_result(bus, queued.path, 0, NULL), d = get_result(bus, different.path, 0, NULL);
        assert_true(a >= 0 && b >= 0 && c >= 0 && d >= 0);
        assert_true(are_same(a, b));
        assert_true(are_same(a, c));
        assert_false(are_same(a, d));
        wait_for_end(bus, lost.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_FAILED);
        assert_non_null(strstr(text, "was lost"));
        while (is_kept("input-6-0") || is_kept("input-7-1") || is_kept("input-8-0"))
                sleep_ms(5);
}

/* Descriptors of the wrong kind, torn records: passed over, and taken out. */
static void test_what_is_broken_is_passed_over(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 1, "detach", "b", true) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        const char *const names[] = { "job-77", "job-78", "picture-77-0", "nonsense" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                assert_int_equal(write(fd, "abc", 3), 3);
                if (i > 0)
                        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
                kept[n_kept].fd = fd;
                (void)snprintf(kept[n_kept++].name, sizeof(kept[0].name), "%s", names[i]);
        }
        kill_and_restart();
        assert_true(size_of_result(bus, job.path, 0) > 0);
        while (is_kept("nonsense") || is_kept("picture-77-0"))
                sleep_ms(5);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jobs_survive),
                cmocka_unit_test(test_inputs_survive),
                cmocka_unit_test(test_what_is_broken_is_passed_over),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}

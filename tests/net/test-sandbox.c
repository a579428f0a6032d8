/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the network worker can and cannot do once it has shut the doors behind itself. Each try is a process of its own. */

#include "harness.h"

#include <arpa/inet.h>
#include <sys/syscall.h>

#include "net/sandbox.h"
#include "workers/sandbox-rules.h"

static uint16_t open_port, other_port; /* somebody listens on both */

static int listen_on(uint16_t *ret_port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(fd, 16), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static int set_up(void **state)
{
        (void)state;
        return listen_on(&open_port) >= 0 && listen_on(&other_port) >= 0 ? 0 : -1;
}

/* 0: it did what it could do; 1: it could not; 128 + signal: it was killed. */
static int run_inside(bool (*try)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Error error = {};
                if (net_sandbox_enter(&open_port, 1, &error) < 0) {
                        (void)fprintf(stderr, "%s\n", error.text);
                        _exit(100);
                }
                _exit(try() ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool connects_to(uint16_t port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool connects(void)
{
        return connects_to(open_port);
}

static bool connects_elsewhere(void)
{
        return connects_to(other_port);
}

static bool makes_memfds(void)
{
        return memfd_new_sealed("x", "abc", 3) >= 0;
}

static bool reads_passwd(void)
{
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool writes_a_file(void)
{
        return open("/tmp/imagined-test-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool listens(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool talks_to_local_sockets(void)
{
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool sends_datagrams(void)
{
        return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool forks(void)
{
        return fork() >= 0;
}

static bool executes(void)
{
        char *const argv[] = { (char *)"true", NULL };
        return execv("/bin/true", argv) == 0;
}

static bool makes_code(void)
{
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool traces(void)
{
        return syscall(SYS_ptrace, 16, getppid(), 0, 0) == 0;
}

static void test_allowed(void **state)
{
        (void)state;
        assert_int_equal(run_inside(connects), 0);
        assert_int_equal(run_inside(makes_memfds), 0);
}

/* Its libraries may try, and go on. */
static void test_refused(void **state)
{
        (void)state;
        assert_int_equal(run_inside(reads_passwd), 1);
        assert_int_equal(run_inside(writes_a_file), 1);
        assert_int_equal(access("/tmp/imagined-test-sandbox", F_OK), -1);
        if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4)
                assert_int_equal(run_inside(connects_elsewhere), 1);
}

static void test_killed(void **state)
{
        static bool (*const tries[])(void) = {
                listens, talks_to_local_sockets, sends_datagrams, forks, executes, makes_code, traces,
        };
        (void)state;
#ifdef SANDBOX_SANITIZED
        skip();
#endif
        for (size_t i = 0; i < ELEMENTSOF(tries); i++) {
                int status = run_inside(tries[i]);
                if (status != 128 + SIGSYS)
                        fail_msg("try %zu ended with %d", i, status);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_allowed), cmocka_unit_test(test_refused), cmocka_unit_test(test_killed),
        };
        return cmocka_run_group_tests(tests, set_up, NULL);
}

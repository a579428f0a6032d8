/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a worker can and cannot do once it has shut the doors behind itself. Each try is a process of its own. */

#include "tests/engine/fixtures.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/memfd.h"
#include "workers/sandbox-rules.h"
#include "workers/sandbox.h"

#define TINY "tests/fixtures/tiny-model"

/* 0: it did what it could do; 1: it could not; 128 + signal: it was killed. */
static int run_inside(bool (*try)(void))
{
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                Error error = {};
                if (sandbox_enter(TINY, 0, &error) < 0) {
                        (void)fprintf(stderr, "%s\n", error.text);
                        _exit(100);
                }
                _exit(try() ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool opens(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);
        return fd >= 0;
}

static bool has_landlock(void)
{
        return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1;
}

static bool reads_model(void)
{
        return opens(TINY "/model_index.json", O_RDONLY) && opens(TINY "/unet", O_RDONLY | O_DIRECTORY) &&
               opens(TINY "/unet/config.json", O_RDONLY);
}

static bool reads_passwd(void)
{
        return opens("/etc/passwd", O_RDONLY);
}

static bool reads_above(void)
{
        return opens(TINY "/../../../Makefile", O_RDONLY);
}

static bool writes_model(void)
{
        return opens(TINY "/model_index.json", O_WRONLY) || opens(TINY "/new", O_WRONLY | O_CREAT);
}

static void *nothing(void *argument)
{
        return argument;
}

static bool starts_threads(void)
{
        pthread_t thread;
        int sum = 0;

        if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
                return false;
#pragma omp parallel num_threads(3) reduction(+ : sum)
        sum += 1;
        return sum >= 1;
}

static bool makes_memfds(void)
{
        return memfd_new_sealed("x", "abc", 3) >= 0;
}

static bool hides(void)
{
        struct rlimit core;
        return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
}

#define REQUEST_PERMISSION 0x1023 /* ARCH_REQ_XCOMP_PERM */
#define GET_FS 0x1003

/* 0, or an error of the kernel's own where there are none. */
static bool asks_for_tiles(void)
{
        (void)syscall(SYS_arch_prctl, REQUEST_PERMISSION, 18);
        return true;
}

static bool asks_for_other_registers(void)
{
        return syscall(SYS_arch_prctl, REQUEST_PERMISSION, 17) == 0;
}

static bool reads_a_register(void)
{
        unsigned long fs;
        return syscall(SYS_arch_prctl, GET_FS, &fs) == 0;
}

static void test_what_it_needs(void **state)
{
        (void)state;
        assert_int_equal(run_inside(reads_model), 0);
        assert_int_equal(run_inside(starts_threads), 0);
        assert_int_equal(run_inside(makes_memfds), 0);
        assert_int_equal(run_inside(hides), 0);
        assert_int_equal(run_inside(asks_for_tiles), 0);
}

static void test_files_that_are_no_model(void **state)
{
        (void)state;
        assert_int_equal(run_inside(writes_model), 1);
        if (!has_landlock())
                skip();
        assert_int_equal(run_inside(reads_passwd), 1);
        assert_int_equal(run_inside(reads_above), 1);
}

static bool makes_socket(void)
{
        return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool makes_unix_socket(void)
{
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool forks(void)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return pid > 0;
}

static bool executes(void)
{
        (void)execl("/bin/true", "true", (char *)NULL);
        return false;
}

static bool kills(void)
{
        return kill(getppid(), SIGCONT) == 0;
}

static bool traces(void)
{
        return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool makes_code(void)
{
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool turns_data_into_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool reads_another_process(void)
{
        return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0;
}

static bool mounts(void)
{
        return syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL) == 0;
}

static bool starts_a_ring(void)
{
        return syscall(SYS_io_uring_setup, 1, NULL) >= 0;
}

static bool makes_users(void)
{
        return syscall(SYS_unshare, 0x10000000) == 0;
}

static bool becomes_root(void)
{
        return setuid(0) == 0;
}

static bool unlinks(void)
{
        return unlink(TINY "/nothing") == 0;
}

/* Whoever does one of these is no engine any more: it is killed on the spot. */
static void test_what_kills(void **state)
{
        bool (*const tries[])(void) = {
                makes_socket, makes_unix_socket, forks,  executes,      kills,       traces,       makes_code,
                turns_data_into_code, reads_another_process, mounts, starts_a_ring, makes_users, becomes_root, unlinks,
                asks_for_other_registers, reads_a_register,
        };
        (void)state;

#ifdef SANDBOX_SANITIZED
        skip();
#endif
        for (size_t i = 0; i < ELEMENTSOF(tries); i++)
                if (run_inside(tries[i]) != 128 + SIGSYS)
                        fail_msg("try %zu was not stopped", i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_it_needs),
                cmocka_unit_test(test_files_that_are_no_model),
                cmocka_unit_test(test_what_kills),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

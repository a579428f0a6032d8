/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Processes and files, for the tests of the service. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"

/* Longer than anything takes on a loaded machine under sanitizers: what is not there then will never be. */
#define PATIENCE (120 * USEC_PER_SEC)
#define IGNORE(x) ((void)!(x))

#define CHECK(condition)                                                                              \
        do {                                                                                          \
                if (!(condition)) {                                                                   \
                        (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
                        _exit(1);                                                                     \
                }                                                                                     \
        } while (0)

static inline bool is_root(void)
{
        return geteuid() == 0;
}

static inline void sleep_ms(int ms)
{
        (void)poll(NULL, 0, ms);
}

/* A program that the build made; IMAGINED_WRAPPER in the environment stands for the service (valgrind). */
static inline const char *built(const char *name, char buffer[static PATH_MAX])
{
        const char *build = getenv("B"), *wrapper = getenv("IMAGINED_WRAPPER");
        char path[PATH_MAX];

        if (wrapper && streq(name, "imagined"))
                return wrapper;
        (void)snprintf(path, sizeof(path), "%s/%s", build ? build : "build", name);
        assert_non_null(realpath(path, buffer));
        return buffer;
}

/* What the environment asks for instead of what is usual. */
static inline uint64_t setting(const char *name, uint64_t usual)
{
        const char *value = getenv(name);
        return value ? strtoull(value, NULL, 0) : usual;
}

static inline pid_t fork_child(void)
{
        pid_t parent = getpid(), pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(127);
        }
        return pid;
}

/* The exit status, or 128 + signal; -1 when it has not ended in time (then it is killed). */
static inline int wait_for_exit(pid_t pid)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        int status;

        while (waitpid(pid, &status, WNOHANG) == 0) {
                if (clock_usec(CLOCK_MONOTONIC) > end) {
                        (void)kill(pid, SIGKILL);
                        (void)waitpid(pid, &status, 0);
                        return -1;
                }
                sleep_ms(5);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline bool is_gone(pid_t pid)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(5))
                if (kill(pid, 0) < 0)
                        return true;
        return false;
}

/* That a process has open. */
static inline unsigned count_descriptors(pid_t pid)
{
        char path[64];
        unsigned n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        _cleanup_(closedirp) DIR *dir = opendir(path);
        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));)
                n += entry->d_name[0] != '.';
        return n;
}

/* Bytes, each page divided by the number of processes that have it. */
static inline uint64_t process_proportional(pid_t pid)
{
        char path[64], line[256];
        unsigned long long kib = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "Pss: %llu kB", &kib) == 1)
                        break;
        return kib * 1024;
}

static inline void write_file(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* The whole file, NUL-terminated; the caller frees it. */
static inline char *read_text_file(const char *path)
{
        FILE *f = fopen(path, "re");
        char *text = calloc(1, 1 << 20);
        assert_non_null(f);
        assert_non_null(text);
        size_t n = fread(text, 1, (1 << 20) - 1, f);
        text[n] = '\0';
        (void)fclose(f);
        return text;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private bus, and the real program run on it, in pipes or in a terminal:
 *
 *     Bus bus;
 *     bus_start(&bus);
 *     Run run = { .columns = 80 };                       // 0: pipes
 *     run_program(&run, &bus, "a", "fox", NULL);
 *     assert_int_equal(run.code, 0);
 *     assert_string_equal(run.out, "./a-fox-7.png\n");
 *     bus_stop(&bus);
 *
 * or each test with a bus and a service of its own:
 *
 *     static int set_up(void **state)
 *     {
 *             return place_set_up(state, fake_start);
 *     }
 *     static void test_picture(void **state)
 *     {
 *             const Bus *bus = bus_of(state);
 *             …
 *     }
 *     …
 *     cmocka_unit_test_setup_teardown(test_picture, set_up, place_tear_down)
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define ARGUMENTS_MAX 32
#define RUN_SECONDS_MAX 120 /* a program that takes longer hangs */

typedef struct Bus {
        pid_t pid;
        char directory[64]; /* a new one; programs run in it */
        char address[128];
} Bus;

typedef struct Run {
        /* in */
        unsigned columns; /* of a terminal for stdin, stdout and stderr; 0: pipes */
        const char *locale; /* NULL: C.UTF-8 */
        const char *wait_for; /* in a terminal or on stderr: when this has been seen … */
        const char *type; /* … then this is typed, byte by byte; in pipes 3 is SIGINT, 9 SIGKILL, another
                             SIGTERM … */
        pid_t victim; /* … to this process instead of the program, if it is not 0 */
        const char *input; /* what stdin holds; NULL: nothing */
        /* out */
        int code; /* exit code, or 128 + signal */
        char out[1 << 16], err[1 << 16]; /* in a terminal all is in err */
        size_t out_size, err_size;
} Run;

/* A program that the build made. */
static inline const char *built(const char *name, char buffer[PATH_MAX])
{
        const char *build = getenv("B");
        char relative[PATH_MAX];

        (void)snprintf(relative, sizeof(relative), "%s/%s", build ? build : "build", name);
        assert_non_null(realpath(relative, buffer));
        return buffer;
}

static inline void die_with_parent(pid_t parent)
{
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
}

static inline void bus_write_config(const Bus *bus, const char *path)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        assert_non_null(f);
        (void)fprintf(
                f,
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
                "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                "<busconfig><type>session</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
                "<policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>"
                "<allow own=\"*\"/><allow user=\"*\"/></policy></busconfig>\n",
                bus->directory);
}

static inline void bus_start(Bus *bus)
{
        char config[PATH_MAX], print[32], line[256];
        pid_t parent = getpid();
        int ready[2];

        *bus = (Bus) { .directory = "/tmp/imagine-test-XXXXXX" };
        assert_non_null(mkdtemp(bus->directory));
        (void)snprintf(config, sizeof(config), "%s/bus.conf", bus->directory);
        bus_write_config(bus, config);
        (void)snprintf(bus->address, sizeof(bus->address), "unix:path=%s/bus", bus->directory);
        assert_return_code(pipe(ready), errno);

        bus->pid = fork();
        assert_return_code(bus->pid, errno);
        if (bus->pid == 0) {
                die_with_parent(parent);
                (void)snprintf(print, sizeof(print), "--print-address=%d", ready[1]);
                char option[PATH_MAX + 16];
                (void)snprintf(option, sizeof(option), "--config-file=%s", config);
                (void)execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", print, option,
                             (char *)NULL);
                _exit(127);
        }
        (void)close(ready[1]);
        assert_true(read(ready[0], line, sizeof(line)) > 0);
        (void)close(ready[0]);
}

static inline void end_child(pid_t pid)
{
        if (pid <= 0)
                return;
        (void)kill(pid, SIGTERM);
        (void)waitpid(pid, NULL, 0);
}

static inline void bus_stop(Bus *bus)
{
        char command[PATH_MAX];

        end_child(bus->pid);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", bus->directory);
        assert_return_code(system(command), errno);
}

static inline void run_child(const Run *run, const Bus *bus, char *const argv[])
{
        char imagine[PATH_MAX];

        (void)signal(SIGINT, SIG_DFL);
        (void)built("imagine", imagine);
        (void)setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, 1);
        (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
        (void)setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
        (void)setenv("LC_ALL", run->locale ? run->locale : "C.UTF-8", 1);
        (void)unsetenv("LANGUAGE");
        (void)setenv("TERM", "xterm", 1);
        if (chdir(bus->directory) == 0)
                (void)execv(imagine, argv);
        _exit(127);
}

/* Takes in what can be read. False at the end. */
static inline bool take_in(int fd, char *buffer, size_t *size)
{
        if (*size >= (1 << 16) - 1)
                return false;
        ssize_t n = read(fd, buffer + *size, (1 << 16) - 1 - *size);
        if (n <= 0) /* a terminal says EIO when the program has gone */
                return false;
        *size += (size_t)n;
        buffer[*size] = '\0';
        return true;
}

static inline double seconds_now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void type_byte(const Run *run, pid_t pid, int terminal, char byte)
{
        if (run->columns)
                assert_int_equal(write(terminal, &byte, 1), 1);
        else
                (void)kill(run->victim ? run->victim : pid, byte == 3   ? SIGINT
                                                            : byte == 9 ? SIGKILL
                                                                        : SIGTERM);
}

static inline void run_loop(Run *run, pid_t pid, int terminal, int out, int err)
{
        struct pollfd fds[] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
        const char *type = run->type ? run->type : "";
        double start = seconds_now(), typed = 0;

        while (fds[0].fd >= 0 || fds[1].fd >= 0) {
                (void)poll(fds, 2, 100);
                if (fds[0].revents && !take_in(out, run->out, &run->out_size))
                        fds[0].fd = -1;
                if (fds[1].revents && !take_in(err, run->err, &run->err_size))
                        fds[1].fd = -1;
                double now = seconds_now();
                bool is_time = typed > 0 ? now - typed > 0.5
                                         : run->wait_for && strstr(run->err, run->wait_for);
                if (*type && is_time && fds[1].fd >= 0) {
                        type_byte(run, pid, terminal, *type++);
                        typed = now;
                }
                if (now - start > RUN_SECONDS_MAX) {
                        (void)kill(pid, SIGKILL);
                        fail_msg("it hangs; stderr so far: %s", run->err);
                }
        }
}

static inline pid_t start_in_pipes(Run *run, const Bus *bus, char *const argv[], int *out, int *err)
{
        int in_pipe[2], out_pipe[2], err_pipe[2];
        pid_t parent = getpid();

        assert_return_code(pipe2(in_pipe, O_CLOEXEC), errno);
        assert_return_code(pipe2(out_pipe, O_CLOEXEC), errno);
        assert_return_code(pipe2(err_pipe, O_CLOEXEC), errno);
        pid_t pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                die_with_parent(parent);
                (void)dup2(in_pipe[0], STDIN_FILENO);
                (void)dup2(out_pipe[1], STDOUT_FILENO);
                (void)dup2(err_pipe[1], STDERR_FILENO);
                run_child(run, bus, argv);
        }
        if (run->input)
                assert_int_equal(write(in_pipe[1], run->input, strlen(run->input)), strlen(run->input));
        (void)close(in_pipe[0]);
        (void)close(in_pipe[1]);
        (void)close(out_pipe[1]);
        (void)close(err_pipe[1]);
        *out = out_pipe[0];
        *err = err_pipe[0];
        return pid;
}

static inline pid_t start_in_terminal(Run *run, const Bus *bus, char *const argv[], int *terminal)
{
        struct winsize size = { .ws_col = (unsigned short)run->columns, .ws_row = 24 };
        pid_t parent = getpid();

        pid_t pid = forkpty(terminal, NULL, NULL, &size);
        assert_return_code(pid, errno);
        if (pid == 0) {
                die_with_parent(parent);
                run_child(run, bus, argv);
        }
        return pid;
}

/* Runs "imagine" with the arguments up to NULL, to its end. */
static inline void run_program(Run *run, const Bus *bus, ...)
{
        char *argv[ARGUMENTS_MAX] = { (char[]) { "imagine" } };
        int status, out = -1, err = -1;
        va_list ap;
        pid_t pid;

        va_start(ap, bus);
        for (size_t i = 1; i < ARGUMENTS_MAX - 1 && (argv[i] = va_arg(ap, char *)); i++)
                ;
        va_end(ap);
        run->out_size = run->err_size = 0;
        run->out[0] = run->err[0] = '\0';

        if (run->columns)
                pid = start_in_terminal(run, bus, argv, &err);
        else
                pid = start_in_pipes(run, bus, argv, &out, &err);
        run_loop(run, pid, err, out, err);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void)close(err);
        if (out >= 0)
                (void)close(out);
        run->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether the file is there, in the directory in which programs run; its size goes to *ret_size unless that
 * is NULL. */
static inline bool has_file(const Bus *bus, const char *name, size_t *ret_size)
{
        char path[PATH_MAX];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", bus->directory, name);
        if (stat(path, &st) < 0)
                return false;
        if (ret_size)
                *ret_size = (size_t)st.st_size;
        return true;
}

/* --- a bus with a service on it --- */

typedef struct Place {
        Bus bus;
        pid_t service;
} Place;

static inline int place_set_up(void **state, pid_t (*start)(const Bus *bus))
{
        Place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        bus_start(&place->bus);
        place->service = start(&place->bus);
        *state = place;
        return 0;
}

static inline int place_tear_down(void **state)
{
        Place *place = *state;

        end_child(place->service);
        bus_stop(&place->bus);
        free(place);
        return 0;
}

static inline const Bus *bus_of(void **state)
{
        return &((const Place *)*state)->bus;
}

#define assert_contains(text, part)                                \
        do {                                                       \
                if (!strstr(text, part))                           \
                        fail_msg("'%s' is not in: %s", part, text); \
        } while (0)
#define assert_lacks(text, part)                               \
        do {                                                   \
                if (strstr(text, part))                        \
                        fail_msg("'%s' is in: %s", part, text); \
        } while (0)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "workers/program.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define ENVIRONMENT_MAX 256

struct Program {
        sd_event_source *child, *timer;
        pid_t pid; /* 0: reaped */
        int memfd;
        size_t max;
        bool is_late;
        program_done_t done;
        void *userdata;
};

Program *program_free(Program *program)
{
        if (!program)
                return NULL;
        program->timer = sd_event_source_disable_unref(program->timer);
        program->child = sd_event_source_disable_unref(program->child);
        if (program->pid > 0) {
                (void)kill(program->pid, SIGKILL);
                while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        closep(&program->memfd);
        free(program);
        return NULL;
}

/* --- in the process of its own: system calls only --- */

_Noreturn static void become_program(const ProgramSpec *spec, char *const environment[], int output, pid_t parent)
{
        const struct rlimit limit = { spec->bytes_max, spec->bytes_max };
        struct sigaction action = { .sa_handler = SIG_DFL };
        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &action, NULL);
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || setrlimit(RLIMIT_FSIZE, &limit) < 0)
                _exit(127);
        /* Away from where they go first. */
        int in = fcntl(spec->input, F_DUPFD_CLOEXEC, 3), out = fcntl(output, F_DUPFD_CLOEXEC, 3);
        if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || close_range(3, ~0U, 0) < 0)
                _exit(127);
        (void)execve(spec->arguments[0], spec->arguments, environment);
        _exit(127);
}

/* --- in the service --- */

/* It has nothing to say to the service manager or a bus. */
static void make_environment(char *ret[static ENVIRONMENT_MAX])
{
        static const char *const left_out[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "DBUS_", "LISTEN_" };
        size_t n = 0;

        for (char **e = environ; *e && n < ENVIRONMENT_MAX - 1; e++) {
                bool skip = false;
                for (size_t i = 0; i < ELEMENTSOF(left_out); i++)
                        skip = skip || strncmp(*e, left_out[i], strlen(left_out[i])) == 0;
                if (!skip)
                        ret[n++] = *e;
        }
        ret[n] = NULL;
}

static int seal(const Program *program)
{
        if (fcntl(program->memfd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        return memfd_check_sealed(program->memfd, program->max, NULL);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Program *program = userdata;
        (void)source;

        program->pid = 0;
        int r = program->is_late                                          ? -ETIME
                : info->si_code != CLD_EXITED || info->si_status != 0 ? -EPROTO
                                                                      : seal(program);
        program->done(program, r < 0 ? r : TAKE_FD(program->memfd), program->userdata);
        return 0;
}

static int on_time_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Program *program = userdata;
        (void)source, (void)usec;

        program->is_late = true;
        (void)kill(program->pid, SIGKILL);
        return 0;
}

int program_new(Program **ret, sd_event *event, const ProgramSpec *spec, program_done_t done, void *userdata, Error *error)
{
        _cleanup_(program_freep) Program *program = calloc(1, sizeof(Program));
        char *environment[ENVIRONMENT_MAX];

        if (!program)
                return error_set(error, -ENOMEM, "Out of memory");
        program->memfd = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        program->max = spec->bytes_max;
        program->done = done;
        program->userdata = userdata;
        if (access(spec->arguments[0], X_OK) < 0 || program->memfd < 0)
                return error_set(error, -errno, "%s cannot be run: %s", spec->arguments[0], strerror(errno));
        make_environment(environment);
        pid_t parent = getpid(), pid = fork();
        if (pid < 0)
                return error_set(error, -errno, "%s cannot be started: %s", spec->arguments[0], strerror(errno));
        if (pid == 0)
                become_program(spec, environment, program->memfd, parent);
        program->pid = pid;

        int r = sd_event_add_child(event, &program->child, pid, WEXITED, on_child, program);
        if (r >= 0)
                r = sd_event_add_time_relative(
                                event, &program->timer, CLOCK_MONOTONIC, spec->seconds * USEC_PER_SEC, 0, on_time_over, program);
        if (r < 0)
                return error_set(error, r, "%s cannot be watched: %s", spec->arguments[0], strerror(-r));
        *ret = TAKE_PTR(program);
        return 0;
}

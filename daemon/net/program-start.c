/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/memfd.h"
#include "base/util.h"
#include "net/program.h"
#include "workers/sandbox-rules.h"

#define LINE_ROOM (1 << 20) /* of the pipe to it: a request never waits */
#define DESCRIPTORS_MAX 256

/* Its descriptors, in their order. */
enum { IN, OUT, ERRORS, KEY, PICTURE, MASK, PICTURES, N_FDS };

/* Whose files all users trust: root's, who is nobody in a namespace that does not know him (PrivateUsers= of the unit). */
static bool is_trusted(uid_t owner)
{
        static const uid_t overflow = 65534;

        return owner == 0 || owner == geteuid() || owner == overflow;
}

/* What anybody else could write is not run. */
static int check_file(const char *path, Error *error)
{
        struct stat st;

        if (path[0] != '/' || stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
                return error_set(error, -EINVAL, "%s is no program", path);
        if (!is_trusted(st.st_uid) || st.st_mode & 022)
                return error_set(error, -EINVAL, "%s could be changed by others, so it is not run", path);
        return 0;
}

static int place(int fds[static N_FDS])
{
        for (int i = 0; i < N_FDS; i++) {
                fds[i] = fcntl(fds[i], F_DUPFD, N_FDS); /* out of the way of all */
                if (fds[i] < 0)
                        return -errno;
        }
        for (int i = 0; i < N_FDS; i++)
                if (dup2(fds[i], i) < 0)
                        return -errno;
        return close_range(N_FDS, ~0U, 0) < 0 ? -errno : 0;
}

/* The process becomes the program. */
static _Noreturn void become(const char *path, int fds[static N_FDS])
{
        static char *const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent", NULL };
        char *const arguments[] = { (char *)path, NULL };
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)umask(077);
        if (place(fds) < 0 || chdir("/") < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_limit(RLIMIT_CORE, 0, 0) < 0 ||
            sandbox_limit(RLIMIT_FSIZE, NET_ANSWER_MAX, NET_ANSWER_MAX) < 0 ||
            sandbox_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX, DESCRIPTORS_MAX) < 0 || sandbox_restrict_writing() < 0)
                _exit(126);
        (void)execve(path, arguments, environment);
        _exit(127);
}

/* "12 345 "; one that is cut off is none. Whether there was any. */
static bool kill_each(const char *numbers)
{
        const char *at = numbers;
        char *end;

        for (long pid; (pid = strtol(at, &end, 10)) > 0 && *end == ' '; at = end)
                (void)kill((pid_t)pid, SIGKILL);
        return at > numbers;
}

/* All children, and those that become ours by that: what the program has started, in whatever session it is. */
static void kill_children(void)
{
        char text[4096];

        do {
                _cleanup_(closep) int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
                const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
                text[MAX(n, 0)] = '\0';
                if (!kill_each(text))
                        return;
        } while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* Until nobody holds the other end of control: then whatever the program has started is killed, too. The program's end alone is
 * no reason: what it said may still be read. */
static _Noreturn void watch_over(const char *path, int fds[static N_FDS], int control)
{
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* of what the program leaves behind */
        pid_t pid = fork();

        if (pid == 0) {
                (void)setsid();
                become(path, fds);
        }
        struct pollfd fd = { .fd = dup2(control, 0), .events = 0 };
        (void)close_range(1, ~0U, 0);
        while (pid > 0 && (poll(&fd, 1, -1) < 0 || !(fd.revents & (POLLHUP | POLLERR))))
                ;
        if (pid > 0) {
                (void)kill(-pid, SIGKILL);
                (void)kill(pid, SIGKILL); /* if it has not got a group of its own yet */
                kill_children();
        }
        _exit(EXIT_SUCCESS);
}

static int part_or_nothing(const Bytes *part)
{
        return part->size > 0 ? memfd_new_sealed("part", part->data, part->size) : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int make_pipe(int *ret_theirs, int *ret_ours, bool they_read)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *ret_theirs = ends[they_read ? 0 : 1];
        *ret_ours = ends[they_read ? 1 : 0];
        return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_descriptors(Program *p, int fds[static N_FDS], const Bytes parts[static NET_PART_MAX])
{
        int r = make_pipe(&fds[IN], &p->in, true);

        if (r >= 0)
                r = make_pipe(&fds[OUT], &p->out, false);
        if (r >= 0)
                r = make_pipe(&fds[KEY], &p->key, true);
        if (r < 0)
                return r;
        (void)fcntl(p->in, F_SETPIPE_SZ, LINE_ROOM);
        p->pictures = memfd_create("pictures", MFD_CLOEXEC);
        fds[PICTURES] = p->pictures < 0 ? -1 : fcntl(p->pictures, F_DUPFD_CLOEXEC, 0);
        fds[ERRORS] = open("/dev/null", O_WRONLY | O_CLOEXEC);
        fds[PICTURE] = part_or_nothing(&parts[NET_PART_PICTURE]);
        fds[MASK] = part_or_nothing(&parts[NET_PART_MASK]);
        for (int i = 0; i < N_FDS; i++)
                if (fds[i] < 0)
                        return -EMFILE;
        return 0;
}

int program_start(Program *ret, const char *path, const Bytes parts[static NET_PART_MAX], Error *error)
{
        int fds[N_FDS] = { -1, -1, -1, -1, -1, -1, -1 }, control = -1;
        Program program = PROGRAM_NONE;

        int r = check_file(path, error);
        if (r < 0)
                return r;
        r = make_descriptors(&program, fds, parts);
        if (r >= 0)
                r = make_pipe(&control, &program.control, true);
        pid_t pid = r < 0 ? -1 : fork();
        if (pid == 0) {
                /* Ours would keep it from seeing their end. */
                program_stop(&program);
                watch_over(path, fds, control);
        }
        if (r >= 0 && pid < 0)
                r = -errno;
        for (int i = 0; i < N_FDS; i++)
                closep(&fds[i]);
        closep(&control);
        if (r < 0) {
                program_stop(&program);
                return error_set(error, r, "%s cannot be started: %s", path, strerror(-r));
        }
        *ret = program;
        return 0;
}

void program_stop(Program *program)
{
        closep(&program->in);
        closep(&program->out);
        closep(&program->key);
        closep(&program->pictures);
        closep(&program->control);
        *program = (Program) PROGRAM_NONE;
}

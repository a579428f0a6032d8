/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "workers/copy.h"

#define TIME_MAX (10 * USEC_PER_SEC)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct Copy {
        sd_event *event;
        sd_event_source *child, *timer;
        pid_t pid; /* 0: reaped */
        int memfd;
        size_t max;
        bool is_late;
        copied_t done;
        void *userdata;
};

void copy_cancel(Copy *copy)
{
        if (copy->pid > 0)
                (void)kill(copy->pid, SIGKILL);
}

static int on_reaped(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        (void)info, (void)userdata;
        return sd_event_source_set_floating(source, false); /* nobody else holds it */
}

/* Not waited for: a file system that does not answer holds a process even against SIGKILL. */
static void reap_later(Copy *copy)
{
        copy_cancel(copy);
        copy->child = sd_event_source_disable_unref(copy->child);
        (void)sd_event_add_child(copy->event, NULL, copy->pid, WEXITED, on_reaped, NULL);
}

Copy *copy_free(Copy *copy)
{
        if (!copy)
                return NULL;
        sd_event_source_disable_unref(copy->timer);
        if (copy->pid > 0)
                reap_later(copy);
        sd_event_source_disable_unref(copy->child);
        closep(&copy->memfd);
        sd_event_unref(copy->event);
        free(copy);
        return NULL;
}

/* --- in the process of its own: system calls only --- */

static int check_kind(int fd, size_t max)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -ENOTSUP;
        return (uintmax_t)st.st_size > max ? -EFBIG : 0;
}

static int write_whole(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno != EINTR)
                        return -errno;
                data += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int copy_bytes(int from, int to, size_t max)
{
        static uint8_t buffer[65536];
        size_t total = 0;

        int r = check_kind(from, max);
        while (r >= 0) {
                ssize_t n = pread(from, buffer, sizeof(buffer), (off_t)total);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : total > 0 ? 0 : -ENODATA;
                total += (size_t)n;
                r = total > max ? -EFBIG : write_whole(to, buffer, (size_t)n);
        }
        return r;
}

_Noreturn static void become_copier(int from, int to, size_t max, pid_t parent)
{
        struct sigaction action = { .sa_handler = SIG_DFL };
        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &action, NULL);
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EIO);
        _exit(-copy_bytes(from, to, max));
}

/* --- in the service --- */

static int seal(const Copy *copy)
{
        if (fcntl(copy->memfd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        return memfd_check_sealed(copy->memfd, copy->max, NULL);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Copy *copy = userdata;
        (void)source;

        copy->pid = 0;
        int r = copy->is_late                  ? -ETIME
                : info->si_code != CLD_EXITED  ? -EIO
                : info->si_status != 0         ? -info->si_status
                                               : seal(copy);
        copy->done(copy, r < 0 ? r : TAKE_FD(copy->memfd), copy->userdata);
        return 0;
}

static int on_time_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Copy *copy = userdata;
        (void)source, (void)usec;

        copy->is_late = true;
        (void)kill(copy->pid, SIGKILL);
        return 0;
}

int copy_new(Copy **ret, sd_event *event, int fd, size_t max, copied_t done, void *userdata, Error *error)
{
        _cleanup_(copy_freep) Copy *copy = calloc(1, sizeof(Copy));
        if (!copy)
                return error_set(error, -ENOMEM, "Out of memory");
        copy->event = sd_event_ref(event);
        copy->max = max;
        copy->done = done;
        copy->userdata = userdata;
        copy->memfd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (copy->memfd < 0)
                return error_set(error, -errno, "Nothing can be copied: %s", strerror(errno));

        pid_t parent = getpid();
        copy->pid = fork();
        if (copy->pid == 0)
                become_copier(fd, copy->memfd, max, parent);
        if (copy->pid < 0)
                return error_set(error, -errno, "Nothing can be copied: %s", strerror(errno));

        int r = sd_event_add_child(event, &copy->child, copy->pid, WEXITED, on_child, copy);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &copy->timer, CLOCK_MONOTONIC, TIME_MAX, 0, on_time_over, copy);
        if (r < 0)
                return error_set(error, r, "Nothing can be copied: %s", strerror(-r));
        *ret = TAKE_PTR(copy);
        return 0;
}

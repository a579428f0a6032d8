/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "workers/child.h"

#define LONGEST_SLICE UINT64_C(100000000) /* ns */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct Child {
        sd_event *event;
        sd_event_source *end, *timer;
        pid_t pid; /* 0: reaped */
        int memfd;
        size_t bytes_max;
        bool exits_with_errno, is_late;
        child_done_t done;
        void *userdata;
};

void child_cancel(Child *child)
{
        if (child->pid > 0)
                (void)kill(child->pid, SIGKILL);
}

static int on_reaped(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        (void)info, (void)userdata;
        return sd_event_source_set_floating(source, false); /* nobody else holds it */
}

/* Not waited for: a file system that does not answer holds a process even against SIGKILL. */
static void reap_later(Child *child)
{
        child_cancel(child);
        child->end = sd_event_source_disable_unref(child->end);
        (void)sd_event_add_child(child->event, NULL, child->pid, WEXITED, on_reaped, NULL);
}

Child *child_free(Child *child)
{
        if (!child)
                return NULL;
        sd_event_source_disable_unref(child->timer);
        if (child->pid > 0)
                reap_later(child);
        sd_event_source_disable_unref(child->end);
        closep(&child->memfd);
        sd_event_unref(child->event);
        free(child);
        return NULL;
}

/* --- in the process of its own: system calls only --- */

bool child_begin(pid_t parent)
{
        struct sigaction action = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &action, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        return prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0 && getppid() == parent;
}

/* Who asks for long slices does not hold up who wakes up and asks for shorter ones, as all others do, until one is over
 * (kernels before 6.12 pass over it); and threads of SCHED_BATCH that wake up interrupt nobody. */
void child_give_way(int increment)
{
        const struct sched_attr attributes = {
                .size = sizeof(attributes),
                .sched_policy = SCHED_BATCH,
                .sched_nice = MIN(getpriority(PRIO_PROCESS, 0) + increment, 19),
                .sched_runtime = LONGEST_SLICE,
        };

        if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
                (void)!nice(increment);
}

_Noreturn static void run(const ChildSpec *spec, int output, pid_t parent)
{
        const struct rlimit limit = { spec->bytes_max, spec->bytes_max };

        if (!child_begin(parent) || setrlimit(RLIMIT_FSIZE, &limit) < 0)
                _exit(EIO);
        _exit(spec->run(spec->what, output));
}

/* --- in the service --- */

static int seal(const Child *child)
{
        if (fcntl(child->memfd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        return memfd_check_sealed(child->memfd, child->bytes_max, NULL);
}

static int check_end(const Child *child, const siginfo_t *info)
{
        if (child->is_late)
                return -ETIME;
        if (info->si_code != CLD_EXITED)
                return -EPROTO;
        if (info->si_status != 0)
                return child->exits_with_errno ? -info->si_status : -EPROTO;
        return seal(child);
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Child *child = userdata;
        (void)source;

        child->pid = 0;
        int r = check_end(child, info);
        child->done(child, r < 0 ? r : TAKE_FD(child->memfd), child->userdata);
        return 0;
}

static int on_time_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Child *child = userdata;
        (void)source, (void)usec;

        child->is_late = true;
        child_cancel(child);
        return 0;
}

static int watch(Child *child, uint64_t usec)
{
        int r = sd_event_add_child(child->event, &child->end, child->pid, WEXITED, on_end, child);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(child->event, &child->timer, CLOCK_MONOTONIC, usec, 0, on_time_over, child);
}

int child_new(Child **ret, sd_event *event, const ChildSpec *spec, child_done_t done, void *userdata, Error *error)
{
        _cleanup_(child_freep) Child *child = calloc(1, sizeof(Child));
        if (!child)
                return error_set(error, -ENOMEM, "Out of memory");
        child->event = sd_event_ref(event);
        child->bytes_max = spec->bytes_max;
        child->exits_with_errno = spec->exits_with_errno;
        child->done = done;
        child->userdata = userdata;
        child->memfd = memfd_create(spec->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (child->memfd < 0)
                return error_set(error, -errno, "There is no place for a %s: %s", spec->name, strerror(errno));

        pid_t parent = getpid(), pid = fork();
        if (pid == 0)
                run(spec, child->memfd, parent);
        if (pid < 0)
                return error_set(error, -errno, "No process can be started: %s", strerror(errno));
        child->pid = pid;
        int r = watch(child, spec->usec);
        if (r < 0)
                return error_set(error, r, "A process cannot be watched: %s", strerror(-r));
        *ret = TAKE_PTR(child);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "workers/sandbox-rules.h"

/* What computing, its threads, and talking on a socket that is open already need: measured with strace, and then those
 * that the same library functions use on other versions of glibc. */
static const int allowed[] = {
        /* memory; mmap and mprotect below */
        SCMP_SYS(brk),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(mincore),
        SCMP_SYS(mbind),
        SCMP_SYS(get_mempolicy),
        SCMP_SYS(memfd_create),
        /* files that Landlock lets through, and descriptors */
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(pread64),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(pwrite64),
        SCMP_SYS(lseek),
        SCMP_SYS(close),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(statx),
        SCMP_SYS(stat),
        SCMP_SYS(lstat),
        SCMP_SYS(access),
        SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2),
        SCMP_SYS(readlink),
        SCMP_SYS(readlinkat),
        SCMP_SYS(getdents64),
        SCMP_SYS(getcwd),
        SCMP_SYS(fcntl),
        SCMP_SYS(ftruncate),
        SCMP_SYS(fdatasync),
        SCMP_SYS(fadvise64),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(recvmsg),
        SCMP_SYS(recvfrom),
        SCMP_SYS(shutdown),
        /* threads; clone below */
        SCMP_SYS(futex),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(get_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(membarrier),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sched_setaffinity),
        SCMP_SYS(getcpu),
        SCMP_SYS(gettid),
        SCMP_SYS(getpid),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        /* time, signals, chance */
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(getrandom),
        SCMP_SYS(getrusage),
        SCMP_SYS(sysinfo),
        SCMP_SYS(uname),
        SCMP_SYS(getuid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getegid),
};

/* ARCH_REQ_XCOMP_PERM and XFEATURE_XTILEDATA, which older headers lack. */
#define REQUEST_PERMISSION 0x1023
#define TILE_DATA 18

#define IF(...) 1, (struct scmp_arg_cmp[]) { __VA_ARGS__ }

int sandbox_restrict_calls(void)
{
        /* Calls that depend on what they are asked. */
        const SandboxCall calls[] = {
                /* No memory that is code. */
                { SCMP_ACT_ALLOW, SCMP_SYS(mmap), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(mprotect), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) },
                /* Threads, no processes; glibc takes clone where there is no clone3, whose arguments no filter sees. */
                { SCMP_ACT_ALLOW, SCMP_SYS(clone), IF(SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) },
                { SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL },
                /* Nothing is written to but what is open; a library that tries may go on without. */
                { SCMP_ACT_ALLOW, SCMP_SYS(openat), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(open), IF(SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)) },
                { SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY)) },
                { SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR)) },
                /* Whether stderr is a terminal. */
                { SCMP_ACT_ALLOW, SCMP_SYS(ioctl), IF(SCMP_A1(SCMP_CMP_EQ, TCGETS)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(prctl), IF(SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) },
                /* The name that glibc gives to its arenas, where kernels know it. */
                { SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), IF(SCMP_A0(SCMP_CMP_EQ, 0x53564d41)) },
                /* abort() */
                { SCMP_ACT_ALLOW, SCMP_SYS(tgkill), IF(SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())) },
                /* Its limits may be read: the new ones are NULL. */
                { SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), IF(SCMP_A2(SCMP_CMP_EQ, 0)) },
                { SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setpriority), 0, NULL },
                /* The processor's tiles may be asked for (engine/kernels/tiles.c). */
                { SCMP_ACT_ALLOW, SCMP_SYS(arch_prctl),
                  2, (struct scmp_arg_cmp[]) { SCMP_A0(SCMP_CMP_EQ, REQUEST_PERMISSION), SCMP_A1(SCMP_CMP_EQ, TILE_DATA) } },
        };

        return sandbox_filter_calls(allowed, ELEMENTSOF(allowed), calls, ELEMENTSOF(calls));
}

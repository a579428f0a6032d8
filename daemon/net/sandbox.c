/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "net/protocol.h"
#include "net/sandbox.h"
#include "workers/sandbox-rules.h"

#define MEMORY_MAX (UINT64_C(1) << 30) /* answers, twice, while they are parsed */
#define DESCRIPTORS_MAX 64

/* What TLS, HTTP, parsing and the socket to the service need: measured with strace. */
static const int allowed[] = {
        SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(memfd_create), SCMP_SYS(ftruncate),
        SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(close),
        SCMP_SYS(fstat), SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(sendmsg), SCMP_SYS(sendto),
        SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(shutdown), SCMP_SYS(connect), SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(futex), SCMP_SYS(sched_yield),
        SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
        SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
};

#define REFUSED(name) { SCMP_ACT_ERRNO(EACCES), SCMP_SYS(name), 0, NULL }
#define IF(...) ELEMENTSOF(((struct scmp_arg_cmp[]) { __VA_ARGS__ })), (struct scmp_arg_cmp[]) { __VA_ARGS__ }

static int restrict_calls(void)
{
        const SandboxCall calls[] = {
                { SCMP_ACT_ALLOW, SCMP_SYS(mmap), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(mprotect), IF(SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(socket), IF(SCMP_A0(SCMP_CMP_EQ, AF_INET), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM)) },
                { SCMP_ACT_ALLOW, SCMP_SYS(socket), IF(SCMP_A0(SCMP_CMP_EQ, AF_INET6), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM)) },
                /* libcurl asks whether there is version 6 at all. */
                { SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket),
                  IF(SCMP_A0(SCMP_CMP_EQ, AF_INET6), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM)) },
                /* glibc names its memory. */
                { SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), IF(SCMP_A0(SCMP_CMP_EQ, 0x53564d41)) },
                /* abort() */
                { SCMP_ACT_ALLOW, SCMP_SYS(tgkill), IF(SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())) },
                /* Libraries look for files that they can do without. */
                REFUSED(open), REFUSED(openat), REFUSED(access), REFUSED(faccessat), REFUSED(faccessat2),
                REFUSED(stat), REFUSED(statx), REFUSED(readlink), REFUSED(readlinkat),
        };

        return sandbox_filter_calls(allowed, ELEMENTSOF(allowed), calls, ELEMENTSOF(calls));
}

int net_sandbox_enter(const uint16_t *ports, size_t n, Error *error)
{
        static const SandboxLimit limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_NOFILE, DESCRIPTORS_MAX },
                { RLIMIT_FSIZE, NET_ANSWER_MAX },
                { RLIMIT_MEMLOCK, 0 },
#ifndef SANDBOX_SANITIZED
                { RLIMIT_DATA, MEMORY_MAX },
#endif
        };
        const SandboxRules rules = {
                .limits = limits, .n_limits = ELEMENTSOF(limits), .ports = ports, .n_ports = n, .restrict_calls = restrict_calls,
        };

        return sandbox_apply(&rules, error);
}

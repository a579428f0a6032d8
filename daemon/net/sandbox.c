/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* Libraries look for files that they can do without. */
static const int refused[] = {
        SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),
        SCMP_SYS(statx), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
};

static int add(scmp_filter_ctx filter, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *conditions)
{
        int r = seccomp_rule_add_array(filter, action, call, n, conditions);
        return r == -EDOM ? 0 : r; /* this architecture has no such call */
}

static int add_conditions(scmp_filter_ctx filter)
{
        const struct scmp_arg_cmp no_code[] = { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) };
        const struct scmp_arg_cmp four[] = { SCMP_A0(SCMP_CMP_EQ, AF_INET), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM) };
        const struct scmp_arg_cmp six[] = { SCMP_A0(SCMP_CMP_EQ, AF_INET6), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM) };
        const struct scmp_arg_cmp six_datagrams[] = { SCMP_A0(SCMP_CMP_EQ, AF_INET6), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM) };
        const struct scmp_arg_cmp arena[] = { SCMP_A0(SCMP_CMP_EQ, 0x53564d41) }; /* glibc names its memory */
        const struct scmp_arg_cmp self[] = { SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()) }; /* abort() */
        const struct {
                uint32_t action;
                int call;
                unsigned n;
                const struct scmp_arg_cmp *conditions;
        } rules[] = {
                { SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code },
                { SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code },
                { SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, four },
                { SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, six },
                /* libcurl asks whether there is version 6 at all. */
                { SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 2, six_datagrams },
                { SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, arena },
                { SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, self },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(rules) && r >= 0; i++)
                r = add(filter, rules[i].action, rules[i].call, rules[i].n, rules[i].conditions);
        return r;
}

static int restrict_calls(void)
{
#ifdef SANDBOX_SANITIZED
        return 0;
#endif
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = filter ? 0 : -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(allowed) && r >= 0; i++)
                r = add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
        for (size_t i = 0; i < ELEMENTSOF(refused) && r >= 0; i++)
                r = add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0, NULL);
        if (r >= 0)
                r = add_conditions(filter);
        if (r >= 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

static int limit_resources(void)
{
        const struct {
                int resource;
                rlim_t limit;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_NOFILE, DESCRIPTORS_MAX },
                { RLIMIT_FSIZE, NET_ANSWER_MAX },
                { RLIMIT_MEMLOCK, 0 },
#ifndef SANDBOX_SANITIZED
                { RLIMIT_DATA, MEMORY_MAX },
#endif
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit limit;

                if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
                        return -errno;
                limit.rlim_max = MIN(limit.rlim_max, limits[i].limit);
                limit.rlim_cur = MIN(limit.rlim_max, limit.rlim_cur);
                if (setrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
                        return -errno;
        }
        return 0;
}

int net_sandbox_enter(const uint16_t *ports, size_t n, Error *error)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set(error, -errno, "Privileges cannot be given up: %s", strerror(errno));
        int r = limit_resources();
        if (r < 0)
                return error_set(error, r, "Resources cannot be limited: %s", strerror(-r));
#ifndef SANDBOX_SANITIZED
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return error_set(error, -errno, "Memory cannot be hidden: %s", strerror(errno));
#endif
        r = sandbox_restrict_files(NULL, ports, n);
        if (r < 0)
                return error_set(error, r, "Files cannot be shut out: %s", strerror(-r));
        r = restrict_calls();
        return r < 0 ? error_set(error, r, "System calls cannot be filtered: %s", strerror(-r)) : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What sandboxes are made of: this one's (sandbox.h), and the network worker's (net/sandbox.h). */

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED
#endif
#endif

typedef struct SandboxLimit {
        int resource; /* RLIMIT_… */
        rlim_t most;
} SandboxLimit;

typedef struct SandboxRules {
        const SandboxLimit *limits;
        size_t n_limits;
        const char *directory; /* as in sandbox_restrict_files() */
        const uint16_t *ports;
        size_t n_ports;
        int (*restrict_calls)(void);
} SandboxRules;

/* sandbox.c: gives all of that up, and privileges. A negative errno with a sentence: the process must not go on. */
int sandbox_apply(const SandboxRules *rules, Error *error);

/* sandbox.c: one resource. soft: what the kernel tells of by a signal, or an error. What is lower already stays so. */
int sandbox_limit(int resource, rlim_t soft, rlim_t hard);

/* sandbox-files.c: Landlock. directory: NULL: no file at all. ports: to which TCP may connect; those that are 0 are
 * none. 0 also where the kernel has none. */
int sandbox_restrict_files(const char *directory, const uint16_t *ports, size_t n);

/* sandbox-files.c: Landlock for a program that is to be started: it may read what it could, and write to nothing but the
 * descriptors that it has, and /dev/null. 0 also where the kernel has none. */
int sandbox_restrict_writing(void);

/* sandbox-calls.c: what the engine may call. */
int sandbox_restrict_calls(void);

struct scmp_arg_cmp;
typedef struct SandboxCall {
        uint32_t action; /* SCMP_ACT_… */
        int call; /* SCMP_SYS(…) */
        unsigned n; /* conditions */
        const struct scmp_arg_cmp *conditions;
} SandboxCall;

/* sandbox-filter.c: seccomp. Calls that are allowed whatever they ask for, and those where it depends; any other one kills
 * the process. */
int sandbox_filter_calls(const int *allowed, size_t n_allowed, const SandboxCall *calls, size_t n_calls);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/util.h"
#include "workers/protocol.h"
#include "workers/sandbox-rules.h"
#include "workers/sandbox.h"

#define DESCRIPTORS_MAX 256 /* a model of many parts, and what comes and goes with a picture */

int sandbox_limit(int resource, rlim_t soft, rlim_t hard)
{
        struct rlimit limit;

        if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
                return -errno;
        limit.rlim_max = MIN(limit.rlim_max, hard);
        limit.rlim_cur = MIN(limit.rlim_max, MIN(limit.rlim_cur, soft));
        return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

int sandbox_apply(const SandboxRules *rules, Error *error)
{
        int r = 0;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set(error, -errno, "Privileges cannot be given up: %s", strerror(errno));
        for (size_t i = 0; i < rules->n_limits && r >= 0; i++)
                r = sandbox_limit(rules->limits[i].resource, rules->limits[i].most, rules->limits[i].most);
        if (r < 0)
                return error_set(error, r, "Resources cannot be limited: %s", strerror(-r));
#ifndef SANDBOX_SANITIZED
        /* Prompts, pictures and keys are in this memory. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return error_set(error, -errno, "Memory cannot be hidden: %s", strerror(errno));
#endif
        r = sandbox_restrict_files(rules->directory, rules->ports, rules->n_ports);
        if (r < 0)
                return error_set(error, r, "Files cannot be shut out: %s", strerror(-r));
        r = rules->restrict_calls();
        return r < 0 ? error_set(error, r, "System calls cannot be filtered: %s", strerror(-r)) : 0;
}

int sandbox_enter(const char *directory, uint64_t file_bytes, Error *error)
{
        const SandboxLimit limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_NOFILE, DESCRIPTORS_MAX },
                { RLIMIT_FSIZE, MAX(file_bytes, PROTOCOL_PICTURE_BYTES_MAX) },
                { RLIMIT_MEMLOCK, 0 },
                { RLIMIT_MSGQUEUE, 0 },
                { RLIMIT_NICE, 0 },
                { RLIMIT_RTPRIO, 0 },
        };
        const SandboxRules rules = {
                .limits = limits, .n_limits = ELEMENTSOF(limits), .directory = directory, .restrict_calls = sandbox_restrict_calls,
        };

        return sandbox_apply(&rules, error);
}

int sandbox_enter_to_decode(Error *error)
{
        int r = sandbox_limit(RLIMIT_CPU, SANDBOX_DECODE_SECONDS, SANDBOX_DECODE_SECONDS + 1);
#ifndef SANDBOX_SANITIZED
        if (r >= 0)
                r = sandbox_limit(RLIMIT_DATA, SANDBOX_DECODE_BYTES, SANDBOX_DECODE_BYTES);
#endif
        if (r < 0)
                return error_set(error, r, "Resources cannot be limited: %s", strerror(-r));
        return sandbox_enter(NULL, PROTOCOL_PIXELS_BYTES_MAX, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/util.h"
#include "workers/protocol.h"
#include "workers/sandbox-rules.h"
#include "workers/sandbox.h"

#define DESCRIPTORS_MAX 256 /* a model of many parts, and what comes and goes with a picture */

static int limit_resources(uint64_t file_bytes)
{
        const struct {
                int resource;
                rlim_t limit;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_NOFILE, DESCRIPTORS_MAX },
                { RLIMIT_FSIZE, MAX(file_bytes, PROTOCOL_PICTURE_BYTES_MAX) },
                { RLIMIT_MEMLOCK, 0 },
                { RLIMIT_MSGQUEUE, 0 },
                { RLIMIT_NICE, 0 },
                { RLIMIT_RTPRIO, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit limit;
                if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
                        return -errno;
                limit.rlim_max = MIN(limit.rlim_max, limits[i].limit);
                limit.rlim_cur = MIN(limit.rlim_cur, limit.rlim_max);
                if (setrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
                        return -errno;
        }
        return 0;
}

int sandbox_enter(const char *directory, uint64_t file_bytes, Error *error)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set(error, -errno, "Privileges cannot be given up: %s", strerror(errno));
        int r = limit_resources(file_bytes);
        if (r < 0)
                return error_set(error, r, "Resources cannot be limited: %s", strerror(-r));
#ifndef SANDBOX_SANITIZED
        /* Prompts and pictures are in this memory. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return error_set(error, -errno, "Memory cannot be hidden: %s", strerror(errno));
#endif
        r = sandbox_restrict_files(directory);
        if (r < 0)
                return error_set(error, r, "Files cannot be shut out: %s", strerror(-r));
        r = sandbox_restrict_calls();
        if (r < 0)
                return error_set(error, r, "System calls cannot be filtered: %s", strerror(-r));
        return 0;
}

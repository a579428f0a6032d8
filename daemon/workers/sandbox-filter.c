/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <seccomp.h>

#include "workers/sandbox-rules.h"

static int add(scmp_filter_ctx filter, const SandboxCall *call)
{
        int r = seccomp_rule_add_array(filter, call->action, call->call, call->n, call->conditions);
        return r == -EDOM ? 0 : r; /* this architecture has no such call */
}

int sandbox_filter_calls(const int *allowed, size_t n_allowed, const SandboxCall *calls, size_t n_calls)
{
#ifdef SANDBOX_SANITIZED
        return 0;
#endif
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return -ENOMEM;

        int r = 0;
        for (size_t i = 0; i < n_allowed && r >= 0; i++)
                r = add(filter, &(SandboxCall) { SCMP_ACT_ALLOW, allowed[i], 0, NULL });
        for (size_t i = 0; i < n_calls && r >= 0; i++)
                r = add(filter, &calls[i]);
        if (r >= 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

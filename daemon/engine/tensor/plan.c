/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/tensor/plan.h"

size_t plan_stage(const Compute *compute, int (*stage)(Compute *c, const void *job), const void *job)
{
        const atomic_bool cancelled = true;
        _cleanup_(arena_freep) Arena *arena = arena_new_sparse();
        Compute c = *compute;
        if (!arena)
                return 0;

        c.arena = arena;
        c.cancelled = &cancelled;
        c.error = 0;
        return stage(&c, job) < 0 ? 0 : arena_peak(arena);
}

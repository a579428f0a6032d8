/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where an operation runs: the threads, the memory for what it makes, and whether it should still go on.
 *
 * Operations divide their work into a fixed grid of tiles that depends on shapes alone; threads only choose tiles, and
 * a tile that starts after `cancelled` was set does nothing. So results do not depend on the number of threads, and a
 * cancelled computation ends within the time of one tile (milliseconds); what it computed is garbage, and the pipeline
 * asks compute_cancelled() before it uses anything. */

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/tensor/arena.h"
#include "engine/tensor/tensor.h"

typedef struct Compute {
        unsigned threads;
        Arena *arena; /* activations; marked and released by whoever runs a stage */
        const atomic_bool *cancelled; /* NULL: never */
} Compute;

static inline bool compute_cancelled(const Compute *c)
{
        return c->cancelled && atomic_load_explicit(c->cancelled, memory_order_relaxed);
}

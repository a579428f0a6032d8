/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where an operation runs: the threads, the memory for what it makes, and whether it should still go on.
 *
 * Operations divide their work into a fixed grid of tiles that depends on shapes alone; threads only choose
 * tiles, and a tile that starts after `cancelled` was set does nothing. So results do not depend on the
 * number of threads, and a cancelled computation ends within the time of one tile (milliseconds); what it
 * computed is garbage, and the pipeline asks compute_cancelled() before it uses anything.
 *
 * Want of memory is handled the same way: the operation that found none notes -ENOMEM in `error`, it and all
 * that follow do nothing, and the stage (text_encoder_forward, unet_forward, vae_decode, …) returns it from
 * compute_finish(). So the path through a network reads without a check in every line. */

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/tensor/arena.h"
#include "engine/tensor/tensor.h"

/* What time is spent on. */
typedef enum WorkKind {
        WORK_OTHER,
        WORK_CONVOLUTION, /* 3x3 */
        WORK_LINEAR, /* all other products with weights */
        WORK_ATTENTION,
        WORK_NORM,
        WORK_KIND_MAX,
} WorkKind;

/* For whoever measures. */
typedef struct Meter {
        double seconds[WORK_KIND_MAX], flops[WORK_KIND_MAX];
        WorkKind kind; /* at work since then, CLOCK_MONOTONIC */
        double since;
} Meter;

typedef struct Compute {
        unsigned threads;
        Arena *arena; /* activations; marked and released by whoever runs a stage */
        const atomic_bool *cancelled; /* NULL: never */
        atomic_size_t *done; /* tiles; NULL: nobody wants to know */
        int error; /* 0, or the first error since compute_finish */
        bool wrap_x, wrap_y; /* whether pictures go on at their opposite side, for convolutions; else there are zeros */
        double flops; /* multiplications and additions of all products so far, for whoever measures */
        Meter *meter; /* NULL: nobody */
} Compute;

static inline bool compute_cancelled(const Compute *c)
{
        return c->cancelled && atomic_load_explicit(c->cancelled, memory_order_relaxed);
}

/* From now on it is work of that kind, of so many multiplications and additions. Returns the kind that it was before, to which
 * compute_work_as() goes back. */
WorkKind compute_work(Compute *c, WorkKind kind, double flops);
void compute_work_as(Compute *c, WorkKind kind);

/* Returns what happened since the last call, and begins anew. */
int compute_finish(Compute *c);

/* In the arena, not initialised. Without memory, or after an error, NULL or a tensor without data. */
float *compute_alloc(Compute *c, size_t n);
Tensor compute_tensor(Compute *c, uint32_t n, uint32_t h, uint32_t w, uint32_t channels);
Tensor compute_tensor_of(Compute *c, TensorType type, uint32_t n, uint32_t h, uint32_t w, uint32_t channels);

/* Runs tile(job, i, scratch) for each i < n_tiles, in any order and in several threads. scratch: that many
 * floats for each thread, 64-byte aligned, not initialised. */
typedef void TileFunction(const void *job, size_t i, float *scratch);
void compute_tiles(Compute *c, size_t n_tiles, size_t scratch, TileFunction *tile, const void *job);

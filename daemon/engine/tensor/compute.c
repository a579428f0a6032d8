/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <omp.h>
#include <time.h>

#include "base/util.h"
#include "engine/kernels/kernels.h"
#include "engine/tensor/compute.h"

void compute_work_as(Compute *c, WorkKind kind)
{
        struct timespec t;
        if (!c->meter)
                return;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        const double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
        c->meter->seconds[c->meter->kind] += now - c->meter->since;
        c->meter->since = now;
        c->meter->kind = kind;
}

WorkKind compute_work(Compute *c, WorkKind kind, double flops)
{
        const WorkKind before = c->meter ? c->meter->kind : WORK_OTHER;

        c->flops += flops;
        compute_work_as(c, kind);
        if (c->meter)
                c->meter->flops[kind] += flops;
        return before;
}

int compute_finish(Compute *c)
{
        int r = c->error;
        c->error = 0;
        return r;
}

float *compute_alloc(Compute *c, size_t n)
{
        float *data = c->error == 0 ? arena_alloc(c->arena, n) : NULL;
        if (!data && c->error == 0)
                c->error = -ENOMEM;
        return data;
}

Tensor compute_tensor_of(Compute *c, TensorType type, uint32_t n, uint32_t h, uint32_t w, uint32_t channels)
{
        Tensor t = { .n = n, .h = h, .w = w, .c = channels, .type = type };
        size_t size;

        if (__builtin_mul_overflow((size_t)n * h, (size_t)w * channels, &size)) {
                c->error = c->error ? c->error : -ENOMEM;
                return t;
        }
        t.data = compute_alloc(c, (size * tensor_element(&t) + sizeof(float) - 1) / sizeof(float));
        if (type == TENSOR_BYTES)
                t.scales = (ByteScale *)compute_alloc(c, tensor_rows(&t) * sizeof(ByteScale) / sizeof(float));
        return t;
}

Tensor compute_tensor(Compute *c, uint32_t n, uint32_t h, uint32_t w, uint32_t channels)
{
        return compute_tensor_of(c, TENSOR_F32, n, h, w, channels);
}

typedef struct TileRun {
        Compute *c;
        size_t n_tiles;
        TileFunction *tile;
        const void *job;
        atomic_size_t next;
} TileRun;

/* What one thread does: tiles as long as there are any. */
static void take_tiles(TileRun *run, float *scratch)
{
        for (size_t i; (i = atomic_fetch_add(&run->next, 1)) < run->n_tiles && !compute_cancelled(run->c);) {
                run->tile(run->job, i, scratch);
                if (run->c->done)
                        (void)atomic_fetch_add_explicit(run->c->done, 1, memory_order_relaxed);
        }
}

void compute_tiles(Compute *c, size_t n_tiles, size_t scratch, TileFunction *tile, const void *job)
{
        const size_t stride = (scratch + 15) & ~(size_t)15;
        /* All of them or one: OpenMP makes a team anew, with malloc(), when the number changes; LLVM's does so for a team of one. */
        const unsigned threads = n_tiles > 1 ? MAX(c->threads, 1u) : 1;
        ArenaMark mark = arena_mark(c->arena);
        float *memory = compute_alloc(c, stride * threads);
        TileRun run = { .c = c, .n_tiles = n_tiles, .tile = tile, .job = job };

        if (c->error == 0 && threads == 1)
                take_tiles(&run, memory);
        else if (c->error == 0) {
#pragma omp parallel num_threads(threads)
                take_tiles(&run, memory + stride * (size_t)omp_get_thread_num());
        }
        arena_release(c->arena, mark);
}

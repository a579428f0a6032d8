/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Memory for activations: a stack of floats that grows as needed and is given back in reverse.
 *
 *     ArenaMark mark = arena_mark(arena);
 *     float *x = arena_alloc(arena, n);
 *     …
 *     arena_release(arena, mark);    // x is gone; its memory serves whoever asks next
 *
 * Used by one thread. Pages are taken from the system when first written, so an arena costs what it really
 * held. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct Arena Arena;

typedef struct ArenaMark {
        size_t chunk, used;
} ArenaMark;

/* hint: floats that are likely to be needed at once; 0 if unknown. NULL if there is no memory. */
Arena *arena_new(size_t hint);
/* One of which only little will be written to: its pages are small ones. */
Arena *arena_new_sparse(void);
Arena *arena_free(Arena *arena);
DEFINE_CLEANUP(Arena *, arena_free)

/* 64-byte aligned, not initialised; NULL if there is no memory (or n is absurd). */
float *arena_alloc(Arena *arena, size_t n);

ArenaMark arena_mark(const Arena *arena);
void arena_release(Arena *arena, ArenaMark mark);

/* Sees to it that so many bytes more are there in one piece. Only a wish: without memory nothing happens. */
void arena_reserve(Arena *arena, size_t bytes);

/* Gives memory above what is in use back to the system: after a job, or after a stage that held much. */
void arena_trim(Arena *arena);

/* The most bytes that were in use at once since arena_new. */
size_t arena_peak(const Arena *arena);

/* An arena over pages that a file has filled before: what is allocated from it, in the same order and sizes as then, has
 * its contents already and is only read. It does not grow, and unmaps the pages in the end. data: mapped, at the begin of
 * a page. NULL if there is no memory. */
Arena *arena_new_filled(void *data, size_t size);
bool arena_is_filled(const Arena *arena);

/* All that is in use, which lies in one piece; NULL if it does not. */
void *arena_contents(Arena *arena, size_t *ret_size);

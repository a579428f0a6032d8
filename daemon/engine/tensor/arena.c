/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <sys/mman.h>

#include "base/util.h"
#include "engine/tensor/arena.h"

/* Under AddressSanitizer what nobody has allocated is poisoned, and a gap stands between neighbours. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ARENA_ASAN)
#include <sanitizer/asan_interface.h>
#define GAP 64
#else
#define ASAN_POISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#define GAP 0
#endif

/* A chunk is one anonymous mapping; each is larger than the one before, so few are ever needed. */
#define CHUNKS_MAX 48
#define CHUNK_MIN ((size_t)16 << 20) /* bytes */
#define ALIGNMENT 64

typedef struct Chunk {
        char *data;
        size_t size, used; /* bytes */
} Chunk;

struct Arena {
        Chunk chunks[CHUNKS_MAX];
        size_t n_chunks;
        size_t current; /* the chunk that allocations come from; those above are empty */
        size_t hint; /* bytes */
        size_t peak;
        bool filled, sparse;
};

Arena *arena_new(size_t hint)
{
        Arena *arena = calloc(1, sizeof *arena);
        if (!arena)
                return NULL;
        if (__builtin_mul_overflow(hint, sizeof(float), &arena->hint))
                arena->hint = 0;
        return arena;
}

Arena *arena_new_sparse(void)
{
        Arena *arena = arena_new(0);
        if (arena)
                arena->sparse = true;
        return arena;
}

Arena *arena_new_filled(void *data, size_t size)
{
        Arena *arena = arena_new(0);
        if (!arena)
                return NULL;
        arena->filled = true;
        arena->chunks[arena->n_chunks++] = (Chunk) { .data = data, .size = size };
        return arena;
}

bool arena_is_filled(const Arena *arena)
{
        return arena->filled;
}

void *arena_contents(Arena *arena, size_t *ret_size)
{
        if (arena->n_chunks != 1)
                return NULL;
        ASAN_UNPOISON_MEMORY_REGION(arena->chunks[0].data, arena->chunks[0].used);
        *ret_size = arena->chunks[0].used;
        return arena->chunks[0].data;
}

Arena *arena_free(Arena *arena)
{
        if (!arena)
                return NULL;
        arena_release(arena, (ArenaMark) {});
        arena_trim(arena);
        free(arena);
        return NULL;
}

static int add_chunk(Arena *arena, size_t size)
{
        if (arena->n_chunks == CHUNKS_MAX || arena->filled)
                return -1;

        size_t last = arena->n_chunks > 0 ? arena->chunks[arena->n_chunks - 1].size : 0;
        size_t wanted = MAX(MAX(size, CHUNK_MIN), MAX(arena->n_chunks == 0 ? arena->hint : 0, last));
        if (__builtin_add_overflow(wanted, CHUNK_MIN - 1, &wanted))
                return -1;
        wanted &= ~(CHUNK_MIN - 1);

        char *data = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                          -1, 0);
        if (data == MAP_FAILED)
                return -1;
        if (!arena->sparse)
                (void)madvise(data, wanted, MADV_HUGEPAGE); /* only a wish */
        ASAN_POISON_MEMORY_REGION(data, wanted);
        arena->chunks[arena->n_chunks++] = (Chunk) { .data = data, .size = wanted };
        return 0;
}

static size_t bytes_in_use(const Arena *arena)
{
        size_t bytes = 0;
        for (size_t i = 0; i < arena->n_chunks; i++)
                bytes += arena->chunks[i].used;
        return bytes;
}

float *arena_alloc(Arena *arena, size_t n)
{
        size_t size;
        if (__builtin_mul_overflow(n, sizeof(float), &size) || size > SIZE_MAX - ALIGNMENT - GAP)
                return NULL;
        size = MAX((size + GAP + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1), (size_t)ALIGNMENT);

        size_t i = arena->current;
        while (i < arena->n_chunks && arena->chunks[i].size - arena->chunks[i].used < size)
                i++;
        if (i == arena->n_chunks && add_chunk(arena, size) < 0)
                return NULL;

        Chunk *chunk = &arena->chunks[i];
        float *data = (float *)(chunk->data + chunk->used);
        ASAN_UNPOISON_MEMORY_REGION(data, n * sizeof(float));
        chunk->used += size;
        arena->current = i;
        arena->peak = MAX(arena->peak, bytes_in_use(arena));
        return data;
}

void arena_reserve(Arena *arena, size_t bytes)
{
        size_t i = arena->current;

        if (i == 0 && arena->n_chunks > 0 && arena->chunks[0].used == 0 && arena->chunks[0].size < bytes)
                arena_trim(arena); /* one chunk instead of several */
        while (i < arena->n_chunks && arena->chunks[i].size - arena->chunks[i].used < bytes)
                i++;
        if (i >= arena->n_chunks)
                (void)add_chunk(arena, bytes);
}

ArenaMark arena_mark(const Arena *arena)
{
        size_t used = arena->current < arena->n_chunks ? arena->chunks[arena->current].used : 0;
        return (ArenaMark) { .chunk = arena->current, .used = used };
}

/* The chunk's contents from `used` on are free again. */
static void empty_chunk(Chunk *chunk, size_t used)
{
        ASAN_POISON_MEMORY_REGION(chunk->data + used, chunk->used - used);
        chunk->used = used;
}

void arena_release(Arena *arena, ArenaMark mark)
{
        for (size_t i = mark.chunk; i < arena->n_chunks; i++)
                empty_chunk(&arena->chunks[i], i == mark.chunk ? mark.used : 0);
        arena->current = mark.chunk;
}

void arena_trim(Arena *arena)
{
        while (arena->n_chunks > 0 && arena->chunks[arena->n_chunks - 1].used == 0) {
                Chunk *chunk = &arena->chunks[--arena->n_chunks];
                ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
                (void)munmap(chunk->data, chunk->size);
        }
        arena->current = MIN(arena->current, arena->n_chunks > 0 ? arena->n_chunks - 1 : 0);
}

size_t arena_peak(const Arena *arena)
{
        return arena->peak;
}

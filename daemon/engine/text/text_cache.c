/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "engine/text/text_cache.h"

/* A page that the system took reads as zeros. So each piece, which never lies in two pages, begins with a mark. */
#define PIECE 4096
#define MARK UINT64_C(1)
#define ROOM (PIECE - sizeof(uint64_t))

/* A list of bytes that grows; `data` NULL and ok: only counted. */
typedef struct Writer {
        char *data;
        size_t size;
} Writer;

static void put(Writer *w, const void *data, size_t size)
{
        if (w->data)
                memcpy(w->data + w->size, data, size);
        w->size += size;
}

static void put_key(Writer *w, const TextKey *key)
{
        const Chunks *text = key->text;
        const size_t ids = (size_t)text->n * text->length;

        put(w, &key->clip_skip, sizeof key->clip_skip);
        put(w, &key->precision, sizeof key->precision);
        put(w, &text->n, sizeof text->n);
        put(w, &text->length, sizeof text->length);
        put(w, text->ids, ids * sizeof *text->ids);
        put(w, text->weights, ids * sizeof *text->weights);
}

/* The key as bytes, from malloc(). */
static void *key_bytes(const TextKey *key, size_t *ret_size)
{
        Writer count = {}, w = {};

        put_key(&count, key);
        w.data = malloc(count.size);
        if (w.data)
                put_key(&w, key);
        *ret_size = count.size;
        return w.data;
}

static size_t tensor_bytes(const Tensor *t)
{
        return tensor_elements(t) * tensor_element(t);
}

static size_t pages_size(const Embeddings *e)
{
        const size_t bytes = tensor_bytes(&e->text) + tensor_bytes(&e->pooled);
        return (bytes + ROOM - 1) / ROOM * PIECE;
}

static void forget(CachedText *entry)
{
        if (entry->key)
                (void)munmap(entry->pages, entry->size);
        free(entry->key);
        *entry = (CachedText) {};
}

void text_cache_done(TextCache *cache)
{
        for (size_t i = 0; i < TEXT_CACHE_ENTRIES; i++)
                forget(&cache->entries[i]);
}

static void store(char *pages, size_t at, const void *data, size_t size)
{
        for (size_t part; size > 0; data = (const char *)data + part, at += part, size -= part) {
                part = MIN(size, ROOM - at % ROOM);
                memcpy(pages + at / ROOM * PIECE + sizeof(uint64_t) + at % ROOM, data, part);
        }
}

/* False if a page is gone. Each mark is looked at after what stands behind it was read: it went with it, if it went. */
static bool fetch(const CachedText *entry, size_t at, void *ret, size_t size)
{
        for (size_t part; size > 0; ret = (char *)ret + part, at += part, size -= part) {
                const char *piece = entry->pages + at / ROOM * PIECE;

                part = MIN(size, ROOM - at % ROOM);
                memcpy(ret, piece + sizeof(uint64_t) + at % ROOM, part);
                atomic_thread_fence(memory_order_acquire);
                if (*(const volatile uint64_t *)piece != MARK)
                        return false;
        }
        return true;
}

static CachedText *search(TextCache *cache, const void *key, size_t size)
{
        for (size_t i = 0; i < TEXT_CACHE_ENTRIES; i++) {
                CachedText *entry = &cache->entries[i];
                if (entry->key && entry->key_size == size && memcmp(entry->key, key, size) == 0)
                        return entry;
        }
        return NULL;
}

bool text_cache_find(TextCache *cache, const TextKey *key, const Embeddings *to)
{
        size_t size;
        _cleanup_(freep) void *bytes = key_bytes(key, &size);
        CachedText *entry = bytes ? search(cache, bytes, size) : NULL;
        if (!entry)
                return false;

        const size_t text = tensor_bytes(&to->text), pooled = tensor_bytes(&to->pooled);
        if (text != tensor_bytes(&entry->shape.text) || pooled != tensor_bytes(&entry->shape.pooled) ||
            !fetch(entry, 0, to->text.data, text) || !fetch(entry, text, to->pooled.data, pooled)) {
                forget(entry);
                return false;
        }
        entry->used = ++cache->searches;
        return true;
}

/* A free place, or that of the oldest; never more bytes than there may be. */
static CachedText *make_room(TextCache *cache, size_t size)
{
        for (;;) {
                CachedText *oldest = NULL, *empty = NULL;
                size_t bytes = 0;

                for (size_t i = 0; i < TEXT_CACHE_ENTRIES; i++) {
                        CachedText *entry = &cache->entries[i];

                        bytes += entry->size;
                        if (!entry->key)
                                empty = entry;
                        else if (!oldest || entry->used < oldest->used)
                                oldest = entry;
                }
                if (empty && bytes + size <= TEXT_CACHE_BYTES)
                        return empty;
                if (!oldest)
                        return NULL;
                forget(oldest);
        }
}

void text_cache_keep(TextCache *cache, const TextKey *key, const Embeddings *embeddings)
{
        const size_t size = pages_size(embeddings);
        size_t key_size;
        if (size > TEXT_CACHE_BYTES)
                return;
        _cleanup_(freep) void *bytes = key_bytes(key, &key_size);
        if (!bytes || search(cache, bytes, key_size))
                return;

        char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
                return;
        for (size_t piece = 0; piece < size; piece += PIECE)
                memcpy(pages + piece, &(uint64_t) { MARK }, sizeof(uint64_t));
        store(pages, 0, embeddings->text.data, tensor_bytes(&embeddings->text));
        store(pages, tensor_bytes(&embeddings->text), embeddings->pooled.data, tensor_bytes(&embeddings->pooled));
        (void)madvise(pages, size, MADV_FREE); /* only a wish */

        CachedText *entry = make_room(cache, size);
        if (!entry) {
                (void)munmap(pages, size);
                return;
        }
        *entry = (CachedText) { .key = TAKE_PTR(bytes), .key_size = key_size, .shape = *embeddings, .pages = pages,
                                .size = size, .used = ++cache->searches };
        entry->shape.text.data = entry->shape.pooled.data = NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the text encoders made of the last texts, so that the next picture of the same prompt need not ask them, nor another
 * prompt with the same negative one. It is kept
 * in pages that the system may take back when memory is short (madvise(2), MADV_FREE), and then is simply not there any
 * more; keys are compared byte for byte. Nothing of it leaves the process. Used by one thread. */

#include "base/precision.h"
#include "engine/tensor/compute.h"
#include "engine/text/chunks.h"

#define TEXT_CACHE_ENTRIES 16
#define TEXT_CACHE_BYTES ((size_t)32 << 20)

/* What the text encoders make of tokens; in the arena. */
typedef struct Embeddings {
        Tensor text; /* [n, 1, chunks * length, cross_attention_dim], all encoders side by side */
        Tensor pooled; /* [n, 1, 1, …]; only with Stable Diffusion XL */
} Embeddings;

/* Those of one of the n texts. */
static inline Embeddings embeddings_at(const Embeddings *all, uint32_t i)
{
        return (Embeddings) { tensor_picture(&all->text, i), tensor_picture(&all->pooled, i) };
}

/* All that decides those of one text beside the model. */
typedef struct TextKey {
        const Chunks *text;
        uint32_t clip_skip;
        Precision precision;
} TextKey;

typedef struct CachedText {
        void *key; /* NULL: a free place */
        size_t key_size;
        Embeddings shape; /* without data */
        char *pages;
        size_t size; /* of the pages */
        uint64_t used; /* when: the number of the search */
} CachedText;

typedef struct TextCache { /* text_cache_done() */
        CachedText entries[TEXT_CACHE_ENTRIES];
        uint64_t searches;
} TextCache;

/* Writes them where `to` has them, whose shapes are those that were kept; false if they are not there. */
bool text_cache_find(TextCache *cache, const TextKey *key, const Embeddings *to);

/* In place of what was not asked for the longest time. Without memory nothing happens. */
void text_cache_keep(TextCache *cache, const TextKey *key, const Embeddings *embeddings);

void text_cache_done(TextCache *cache);

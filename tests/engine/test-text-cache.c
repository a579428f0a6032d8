/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the text encoders said is found again for the same prompts, and for no others; it is bounded, and may vanish. */

#include <sys/mman.h>

#include "engine/pipeline.h"
#include "tests/engine/engines.h"
#include "tests/engine/tensors.h"

#define LENGTH 5
#define ROWS 300 /* so that a text takes several pages */

typedef struct Texts { /* one prompt and its embeddings */
        uint32_t ids[LENGTH];
        float weights[LENGTH];
        Chunks chunks;
        TextKey key;
        Compute c;
        Embeddings embeddings;
} Texts;

static void texts_init(Texts *t, uint32_t id)
{
        *t = (Texts) { .ids = { 1, id, 3, 4, 5 }, .weights = { 1, 1, 1.5F, 1, 1 }, .c = { .threads = 1, .arena = arena_new(0) } };
        t->chunks = (Chunks) { .n = 1, .length = LENGTH, .ids = t->ids, .weights = t->weights };
        t->key = (TextKey) { .text = &t->chunks, .precision = PRECISION_F32 };
        t->embeddings.text = compute_tensor(&t->c, 1, 1, ROWS, 13);
        t->embeddings.pooled = compute_tensor(&t->c, 1, 1, 1, 7);
        for (uint32_t i = 0; i < ROWS * 13; i++)
                t->embeddings.text.data[i] = (float)(i + 10000 * id);
        for (uint32_t i = 0; i < 7; i++)
                t->embeddings.pooled.data[i] = (float)(id + i);
}

static void texts_done(Texts *t)
{
        arena_free(t->c.arena);
}

static bool is_found(TextCache *cache, Texts *t)
{
        const Embeddings found = { compute_tensor(&t->c, 1, 1, ROWS, 13), compute_tensor(&t->c, 1, 1, 1, 7) };

        if (!text_cache_find(cache, &t->key, &found))
                return false;
        assert_memory_equal(found.text.data, t->embeddings.text.data, tensor_elements(&found.text) * sizeof(float));
        assert_memory_equal(found.pooled.data, t->embeddings.pooled.data, 7 * sizeof(float));
        return true;
}

static void test_keys(void **state)
{
        _cleanup_(text_cache_done) TextCache cache = {};
        _cleanup_(texts_done) Texts t;
        (void)state;

        texts_init(&t, 2);
        assert_false(is_found(&cache, &t));
        text_cache_keep(&cache, &t.key, &t.embeddings);
        assert_true(is_found(&cache, &t));
        t.ids[4]++;
        assert_false(is_found(&cache, &t));
        t.ids[4]--;
        t.weights[2] = 1.25F;
        assert_false(is_found(&cache, &t));
        t.weights[2] = 1.5F;
        t.key.clip_skip = 2;
        assert_false(is_found(&cache, &t));
        t.key.clip_skip = 0;
        t.key.precision = PRECISION_BF16;
        assert_false(is_found(&cache, &t));
        t.key.precision = PRECISION_F32;
        t.chunks.length = LENGTH - 1;
        assert_false(is_found(&cache, &t));
        t.chunks.length = LENGTH;
        assert_true(is_found(&cache, &t));
}

static size_t count(const TextCache *cache, size_t *ret_bytes)
{
        size_t n = 0;

        *ret_bytes = 0;
        for (size_t i = 0; i < TEXT_CACHE_ENTRIES; i++) {
                n += cache->entries[i].key != NULL;
                *ret_bytes += cache->entries[i].size;
        }
        return n;
}

/* What was asked for lately stays. */
static void test_bounds(void **state)
{
        _cleanup_(text_cache_done) TextCache cache = {};
        Texts t[TEXT_CACHE_ENTRIES + 1];
        size_t bytes;
        (void)state;

        for (uint32_t i = 0; i <= TEXT_CACHE_ENTRIES; i++) {
                texts_init(&t[i], i);
                text_cache_keep(&cache, &t[i].key, &t[i].embeddings);
                assert_true(is_found(&cache, &t[0]));
        }
        assert_int_equal(count(&cache, &bytes), TEXT_CACHE_ENTRIES);
        assert_false(is_found(&cache, &t[1]));
        assert_true(is_found(&cache, &t[TEXT_CACHE_ENTRIES]));
        for (uint32_t i = 0; i <= TEXT_CACHE_ENTRIES; i++) {
                const Embeddings large = { .text = compute_tensor(&t[i].c, 1, 1, 1, TEXT_CACHE_BYTES / 3 / sizeof(float)) };
                t[i].key.clip_skip = 1;
                if (i < 4)
                        text_cache_keep(&cache, &t[i].key, &large);
                (void)count(&cache, &bytes);
                assert_true(bytes <= TEXT_CACHE_BYTES);
                texts_done(&t[i]);
        }
        assert_true(count(&cache, &bytes) >= 2);
}

/* As when the system has taken one page of several. */
static void test_lost_pages(void **state)
{
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        (void)state;

        for (size_t at = 0; at < 3 * page; at += page) {
                _cleanup_(text_cache_done) TextCache cache = {};
                _cleanup_(texts_done) Texts t;
                size_t bytes;

                texts_init(&t, 2);
                text_cache_keep(&cache, &t.key, &t.embeddings);
                CachedText *entry = NULL;
                for (size_t i = 0; i < TEXT_CACHE_ENTRIES; i++)
                        entry = cache.entries[i].key ? &cache.entries[i] : entry;
                assert_non_null(entry);
                if (at >= entry->size)
                        continue;
                assert_int_equal(madvise(entry->pages + at, page, MADV_DONTNEED), 0);
                assert_false(is_found(&cache, &t));
                assert_int_equal(count(&cache, &bytes), 0);
                text_cache_keep(&cache, &t.key, &t.embeddings);
                assert_true(is_found(&cache, &t));
        }
}

/* Multiplications that preparing one picture takes. */
static double encode(Pipeline *p, const PictureJob *job)
{
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        const double before = p->compute.flops;
        Error error = {};

        if (pipeline_encode(p, job, &context, &error) < 0)
                fail_msg("%s", error.text);
        return p->compute.flops - before;
}

/* The encoder is asked once for a text; an applied adapter goes its own way. */
static void test_pipeline(void **state)
{
        static const EngineEvents no_events = {};
        const Resolved resolved = { .steps = 2, .guidance = 7, .drawn_width = 16, .drawn_height = 16 };
        _cleanup_(pipeline_done) Pipeline p = {};
        _cleanup_(freep) Request *q = new_request();
        size_t bytes;
        (void)state;

        assert_int_equal(pipeline_load(&p, TINY, PRECISION_F32, 2, NULL), 0);
        PictureJob job = { .request = q, .resolved = &resolved, .events = &no_events, .adapted = true };
        (void)strcpy(q->prompt, "a red fox");
        const double whole = encode(&p, &job);
        assert_int_equal(count(&p.texts, &bytes), 0);
        job.adapted = false;
        assert_true(encode(&p, &job) == whole);
        const double rest = encode(&p, &job);
        assert_true(rest > 0 && rest < whole);
        job.adapted = true;
        assert_true(encode(&p, &job) == whole);
        job.adapted = false;
        (void)strcpy(q->negative_prompt, "blue");
        const double one = encode(&p, &job);
        assert_true(one > rest && one < whole);
        assert_int_equal(count(&p.texts, &bytes), 3);
        (void)strcpy(q->prompt, "");
        assert_true(encode(&p, &job) == rest); /* it was the negative prompt before */
        (void)strcpy(q->prompt, "a green fox");
        (void)strcpy(q->negative_prompt, "red");
        assert_true(encode(&p, &job) == whole);
        assert_int_equal(count(&p.texts, &bytes), 5);
}

/* Pictures are drawn from what was kept of both texts, of either, or of none: the same ones. */
static void pictures_of(const Kernels *kernels)
{
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture first = {}, second = {}, third = {}, other = {};
        (void)kernels;

        (void)strcpy(q->prompt, "a (red:1.3) fox");
        (void)strcpy(q->negative_prompt, "blue");
        q->steps = 2;
        q->guidance = 5;
        paint(engine, q, &first);
        paint(engine, q, &second);
        assert_true(are_equal(&first, &second));

        engine_free(engine);
        engine = open_engine(TINY, 2);
        (void)strcpy(q->prompt, "a (red:1.3) cat");
        paint(engine, q, &other);
        assert_false(are_equal(&first, &other));
        (void)strcpy(q->prompt, "a (red:1.3) fox");
        paint(engine, q, &third);
        assert_true(are_equal(&first, &third));
}

static void test_pictures(void **state)
{
        (void)state;
        for_each_kernels(pictures_of);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_lost_pages),
                cmocka_unit_test(test_pipeline),
                cmocka_unit_test(test_pictures),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}

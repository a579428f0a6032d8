/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the first step on nothing is allocated, neither by us nor by what we use. */

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/engine/engines.h"

#define STEPS 3

static atomic_bool counting;
static atomic_uint allocations;

/* The sanitizers have their own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(IS_SANITIZED)
#define COUNTS

/* NOLINTBEGIN(bugprone-reserved-identifier): glibc's own names for what stands behind them */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *data, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(bugprone-reserved-identifier) */

static void note(void)
{
        if (atomic_load(&counting))
                (void)atomic_fetch_add(&allocations, 1);
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
        note();
        return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
        note();
        return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *data, size_t size)
{
        note();
        return __libc_realloc(data, size);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
        note();
        return __libc_memalign(alignment, size);
}

__attribute__((visibility("default"))) void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
        note();
        return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset); /* NOLINT(performance-no-int-to-ptr) */
}
#endif

static unsigned steps_seen;

static void on_progress(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction)
{
        (void)userdata;
        (void)fraction;
        if (stage != STAGE_DENOISE || step == 0)
                return;
        steps_seen++;
        atomic_store(&counting, step < steps);
}

static unsigned count_in_steps(Engine *engine, const Request *q)
{
        const EngineEvents events = { .progress = on_progress };
        _cleanup_(picture_done) Picture picture = {};
        Error error = {};

        steps_seen = 0;
        atomic_store(&allocations, 0);
        if (engine_generate(engine, q, 0, &events, &picture, &error) < 0)
                fail_msg("%s", error.text);
        assert_true(steps_seen >= STEPS); /* some look at each step twice */
        return atomic_load(&allocations);
}

static void test_no_allocations(void **state)
{
        (void)state;
#ifndef COUNTS
        skip();
#endif
        atomic_store(&counting, true);
        void *volatile any = malloc(1); /* that it is counted at all; volatile, or compilers leave it out */
        free(any);
        atomic_store(&counting, false);
        assert_true(atomic_load(&allocations) > 0);

        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(freep) Request *q = new_request();
        q->steps = STEPS;
        q->width = q->height = 32;
        for (unsigned sampler = SAMPLER_DEFAULT + 1; sampler < SAMPLER_MAX; sampler++) {
                q->guidance = sampler % 2 ? 7 : 1;
                q->sampler = sampler;
                const unsigned n = count_in_steps(engine, q);
                if (n > 0)
                        fail_msg("%s allocates %u times in %u steps", sampler_to_string((Sampler)sampler), n, STEPS - 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_allocations) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/tensor/arena.h"
#include "tests/engine/fixtures.h"

static void test_alignment(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(100);

        for (size_t n = 0; n < 70; n++) {
                float *x = arena_alloc(arena, n);
                assert_non_null(x);
                assert_int_equal((uintptr_t)x % 64, 0);
                for (size_t i = 0; i < n; i++)
                        x[i] = 1;
        }
}

/* What was released serves again, in the same place, also across chunks. */
static void test_release(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        float *kept = arena_alloc(arena, 10);
        ArenaMark mark = arena_mark(arena);
        float *first = arena_alloc(arena, 1000), *large = arena_alloc(arena, 40 << 20);

        kept[9] = 7;
        large[(40 << 20) - 1] = 1;
        size_t peak = arena_peak(arena);
        for (int i = 0; i < 5; i++) {
                arena_release(arena, mark);
                assert_ptr_equal(arena_alloc(arena, 1000), first);
                assert_ptr_equal(arena_alloc(arena, 40 << 20), large);
        }
        assert_int_equal(arena_peak(arena), peak);
        assert_true(kept[9] == 7);
}

static void test_mark_of_nothing(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        ArenaMark mark = arena_mark(arena);
        float *x = arena_alloc(arena, 5);

        arena_release(arena, mark);
        assert_ptr_equal(arena_alloc(arena, 5), x);
}

static void test_trim(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        float *kept = arena_alloc(arena, 10);
        ArenaMark mark = arena_mark(arena);

        kept[0] = 3;
        assert_non_null(arena_alloc(arena, 30 << 20));
        assert_non_null(arena_alloc(arena, 90 << 20));
        arena_release(arena, mark);
        arena_trim(arena);
        assert_true(kept[0] == 3);
        assert_non_null(arena_alloc(arena, 30 << 20));
        arena_trim(arena); /* in use: stays */
        arena_release(arena, (ArenaMark) {});
        arena_trim(arena);
        assert_non_null(arena_alloc(arena, 10));
}

static void test_absurd_sizes(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(SIZE_MAX);

        assert_null(arena_alloc(arena, SIZE_MAX));
        assert_null(arena_alloc(arena, SIZE_MAX / 4));
        assert_null(arena_alloc(arena, SIZE_MAX / 4 - 15));
        assert_null(arena_alloc(arena, SIZE_MAX / 8));
        assert_non_null(arena_alloc(arena, 1));
}

/* Right behind it; the sanitizer leaves a gap. */
static void assert_follows(const float *x, const float *end)
{
        assert_in_range((uintptr_t)x, (uintptr_t)end, (uintptr_t)end + 128);
}

/* What was reserved is there in one piece, also above what is in use. */
static void test_reserve(void **state)
{
        (void)state;
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        enum { SIZE = 30 << 20 };

        arena_reserve(arena, (size_t)SIZE * sizeof(float));
        float *first = arena_alloc(arena, SIZE / 2);
        assert_follows(arena_alloc(arena, SIZE / 4), first + SIZE / 2);
        ArenaMark mark = arena_mark(arena);
        arena_reserve(arena, (size_t)4 * SIZE * sizeof(float));
        float *second = arena_alloc(arena, SIZE);
        assert_follows(arena_alloc(arena, SIZE), second + SIZE);
        arena_release(arena, mark);
        arena_reserve(arena, SIZE_MAX); /* nothing happens */
        assert_non_null(arena_alloc(arena, 1));

        /* One piece in place of several small ones. */
        arena_release(arena, (ArenaMark) {});
        arena_reserve(arena, (size_t)8 * SIZE * sizeof(float));
        first = arena_alloc(arena, (size_t)6 * SIZE);
        assert_follows(arena_alloc(arena, SIZE), first + (size_t)6 * SIZE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alignment),       cmocka_unit_test(test_release),
                cmocka_unit_test(test_mark_of_nothing), cmocka_unit_test(test_trim),
                cmocka_unit_test(test_absurd_sizes),    cmocka_unit_test(test_reserve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The emulation of tiles, which the kernels on tiles are tested with: against what the instructions' descriptions say, number by
 * number. */

#define TILES_EMULATED
#include "engine/kernels/tile.h"
#undef TILES_EMULATED

#include <signal.h>
#include <sys/wait.h>

#include "tests/engine/fixtures.h"

static const TileConfig whole = { .palette = 1,
                                  .bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
                                  .rows = { 16, 16, 16, 16, 16, 16, 16, 16 } };

static uint32_t pair(float even, float odd)
{
        uint32_t low, high;

        memcpy(&low, &even, sizeof low);
        memcpy(&high, &odd, sizeof high);
        return low >> 16 | (high & 0xffff0000);
}

/* C + A * B at one place, of pairs at the first two depths. */
static float multiply(float c, uint32_t a0, uint32_t b0, uint32_t a1, uint32_t b1)
{
        uint32_t a[16][16] = { [3] = { a0, a1 } }, b[16][16] = { [0] = { [5] = b0 }, [1] = { [5] = b1 } };
        float sums[16][16] = { [3] = { [5] = c } };

        tile_configure(&whole);
        tile_load(0, sums, sizeof(sums[0]));
        tile_load(1, a, sizeof(a[0]));
        tile_load(2, b, sizeof(b[0]));
        tile_multiply_bf16(0, 1, 2);
        tile_store(0, sums, sizeof(sums[0]));
        tile_release();
        for (size_t i = 0; i < 256; i++)
                if (i != 3 * 16 + 5)
                        assert_true(sums[i / 16][i % 16] == 0);
        return sums[3][5];
}

static void test_pairs(void **state)
{
        (void)state;
        assert_true(multiply(1, pair(2, 3), pair(5, 7), pair(0, 0), pair(0, 0)) == 32);
        assert_true(multiply(0, pair(2, 3), pair(5, 7), pair(-1, 4), pair(8, 0.5f)) == 25);
        /* Even and odd elements are summed apart: in another order the ones would be lost. */
        assert_true(multiply(0, pair(0x1p30f, 1), pair(1, 1), pair(-0x1p30f, 1), pair(1, 1)) == 2);
        /* What was there comes last. */
        assert_true(multiply(0x1p24f, pair(1, 1), pair(1, 1), pair(0, 0), pair(0, 0)) == 0x1p24f + 2);
        /* Rounded once for each product and sum: 1.0078125^2 - 1 = 0.01568603515625 */
        assert_true(multiply(0, pair(-1, 0), pair(1, 0), pair(1.0078125f, 0), pair(1.0078125f, 0)) == 0.01568603515625f);
        /* Halves to even. */
        assert_true(multiply(0x1p24f, pair(1, 0), pair(1, 0), pair(0, 0), pair(0, 0)) == 0x1p24f);
        assert_true(multiply(0x1p24f + 2, pair(1, 0), pair(1, 0), pair(0, 0), pair(0, 0)) == 0x1p24f + 4);
}

static void test_denormals(void **state)
{
        (void)state;
        const unsigned before = _mm_getcsr();

        assert_true(multiply(0, pair(0x1p-127f, 0), pair(0x1p30f, 0), pair(0, 0), pair(0, 0)) == 0); /* none are taken */
        assert_true(multiply(0, pair(0x1p-100f, 0), pair(0x1p-30f, 0), pair(0, 0), pair(0, 0)) == 0); /* nor made */
        assert_true(multiply(0x1p-130f, pair(1, 0), pair(0x1p-126f, 0), pair(0, 0), pair(0, 0)) == 0x1p-126f);
        assert_int_equal(_mm_getcsr(), before);
}

static void test_bytes(void **state)
{
        uint32_t a[16][16] = { [2] = { 0xff020304, 0x80 } }, b[16][16] = { [0] = { [9] = 0x80ff7f01 }, [1] = { [9] = 0x7f } };
        int32_t sums[16][16] = { [2] = { [9] = INT32_MAX } };
        (void)state;

        tile_configure(&whole);
        tile_load(3, sums, sizeof(sums[0]));
        tile_load(1, a, sizeof(a[0]));
        tile_load(2, b, sizeof(b[0]));
        tile_multiply_bytes(3, 1, 2);
        tile_store(3, sums, sizeof(sums[0]));
        /* unsigned times signed; a sum that is too large begins anew */
        const uint32_t wanted = (uint32_t)INT32_MAX + (uint32_t)(255 * -128 + 2 * -1 + 3 * 127 + 4 * 1 + 128 * 127);
        assert_int_equal((uint32_t)sums[2][9], wanted);
        assert_int_equal(sums[2][8], 0);
        tile_release();
}

/* Rows and columns that a smaller tile does not have are zero, and memory beyond them is left alone. */
static void test_parts(void **state)
{
        TileConfig config = whole;
        uint8_t from[16 * 64], to[16 * 64];
        (void)state;

        memset(from, 7, sizeof(from));
        memset(to, 9, sizeof(to));
        config.rows[4] = 3;
        config.bytes[4] = 20;
        tile_configure(&config);
        tile_load(4, from, 64);
        tile_store(4, to, 30);
        for (size_t i = 0; i < sizeof(to); i++)
                assert_int_equal(to[i], i / 30 < 3 && i % 30 < 20 ? 7 : 9);
        tile_zero(4);
        tile_store(4, to, 30);
        assert_int_equal(to[30], 0);
        tile_release();
}

static void wrong_palette(void)
{
        TileConfig config = whole;
        config.palette = 2;
        tile_configure(&config);
}

static void wrong_size(void)
{
        TileConfig config = whole;
        config.rows[3] = 17;
        tile_configure(&config);
}

static void wrong_register(void)
{
        TileConfig config = whole;
        config.rows[8] = config.bytes[8] = 4;
        tile_configure(&config);
}

static void not_configured(void)
{
        tile_release();
        tile_zero(0);
}

static void wrong_shapes(void)
{
        TileConfig config = whole;
        config.rows[1] = 8;
        tile_configure(&config);
        tile_multiply_bf16(0, 1, 2);
}

static void same_register(void)
{
        tile_configure(&whole);
        tile_multiply_bytes(0, 1, 1);
}

/* What the processor refuses ends the program. */
static void test_refusals(void **state)
{
        static void (*const wrong[])(void) = { wrong_palette,  wrong_size,   wrong_register,
                                               not_configured, wrong_shapes, same_register };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                const pid_t child = fork();
                int status;

                assert_true(child >= 0);
                if (child == 0) {
                        (void)signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
                        wrong[i]();
                        _exit(0);
                }
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pairs), cmocka_unit_test(test_denormals), cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_parts), cmocka_unit_test(test_refusals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

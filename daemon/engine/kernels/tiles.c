/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/kernels/tables.h"
#include "engine/kernels/tiles.h"

#if defined(__x86_64__)

#define TRIED_ROWS 32
#define TRIED_DEPTH 128
#define TRIED_WIDTH 48

/* Two small integers for each place: exact as bfloat16, and so are all sums as floats, in whatever order. */
static int row_number(size_t row, size_t k)
{
        return (int)((row * 7 + k * 3) % 23);
}

static int column_number(size_t k, size_t column)
{
        return (int)((k * 5 + column * 11) % 31) - 15;
}

static uint16_t bf16_of(int number)
{
        const float x = (float)number;
        uint32_t bits;

        memcpy(&bits, &x, sizeof bits);
        return (uint16_t)(bits >> 16);
}

typedef struct Trial {
        uint8_t rows[TRIED_ROWS + 1][TRIED_DEPTH * sizeof(uint16_t)]; /* a line is left out: not even */
        uint8_t panel[TRIED_DEPTH * TRIED_WIDTH * sizeof(uint16_t)];
        float sums[TRIED_ROWS][TRIED_WIDTH];
        float scratch[TRIED_ROWS * TRIED_DEPTH];
} Trial;

static void put(void *to, size_t at, int number, size_t group)
{
        const uint16_t half = bf16_of(number);

        if (group == 2)
                memcpy((char *)to + at * sizeof half, &half, sizeof half);
        else
                ((uint8_t *)to)[at] = (uint8_t)number;
}

static bool is_sum(const float *sum, int wanted, size_t group)
{
        int32_t integer;

        memcpy(&integer, sum, sizeof integer);
        return group == 2 ? *sum == (float)wanted : integer == wanted;
}

static bool computes_rightly(const Products *products, Trial *t)
{
        const void *rows[TRIED_ROWS];
        const size_t group = products->group;
        bool right = true;

        for (size_t i = 0; i < TRIED_ROWS; i++) {
                rows[i] = t->rows[i + (i >= TRIED_ROWS / 2 + 3)];
                for (size_t k = 0; k < TRIED_DEPTH; k++)
                        put((void *)rows[i], k, row_number(i, k), group);
        }
        for (size_t k = 0; k < TRIED_DEPTH; k++)
                for (size_t j = 0; j < TRIED_WIDTH; j++)
                        put(t->panel, (k / group * TRIED_WIDTH + j) * group + k % group, column_number(k, j), group);

        products_enter(products);
        products->multiply(&(Product) { .rows = rows, .m = TRIED_ROWS, .depth = TRIED_DEPTH, .panel = t->panel,
                                        .width = TRIED_WIDTH, .sums = t->sums[0], .stride = TRIED_WIDTH,
                                        .ahead = t->panel, .ahead_size = sizeof(t->panel), .scratch = t->scratch });
        products_leave(products);

        for (size_t i = 0; i < TRIED_ROWS; i++)
                for (size_t j = 0; j < TRIED_WIDTH; j++) {
                        int sum = 0;
                        for (size_t k = 0; k < TRIED_DEPTH; k++)
                                sum += row_number(i, k) * column_number(k, j);
                        right &= is_sum(&t->sums[i][j], sum, group);
                }
        return right;
}

/* The registers are large, so that the kernel wants to be asked before it saves them for a process (arch_prctl(2),
 * Documentation/arch/x86/xstate.rst). For all threads; the worker's filter lets it through. */
static int ask_kernel(void)
{
#if !defined(TILES_EMULATED)
        enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

        if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) < 0)
                return -errno;
#endif
        return 0;
}

static bool is_usable; /* written once, before anybody reads it */

static void find_out(void)
{
        Trial trial = {};
        int r = ask_kernel();

        if (r < 0) {
                (void)log_warning_errno(r, "The system does not lend the processor's tiles, going on without them");
                return;
        }
        is_usable = computes_rightly(kernels_amx.products[PRECISION_BF16], &trial) &&
                    computes_rightly(kernels_amx.products[PRECISION_INT8], &trial);
        if (!is_usable)
                log_warning("The processor's tiles compute other sums than the right ones, going on without them");
}

bool tiles_usable(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void)pthread_once(&once, find_out);
        return is_usable;
}

#else

bool tiles_usable(void)
{
        return false;
}

#endif

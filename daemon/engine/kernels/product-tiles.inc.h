/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products of bfloat16 and bytes on tiles: blocks of 32 rows by 32 columns, in four of the eight registers; two hold rows, two
 * columns, so that each that is loaded is multiplied twice (four loads of 16 lines for 64 cycles of products). A panel's lines
 * of groups are as tiles want them, and rows are loaded from where they lie if they are evenly apart; where they are not, at the
 * sides of pictures, they are copied together first. Included once by kernels-amx.c. */

#include "engine/kernels/kernels.h"
#include "engine/kernels/tile.h"

#define TILE_LANES (TILE_BYTES / sizeof(float))
#define TILE_PANEL 64
/* Groups of a slice: by 64 columns it is 64 KiB, an eighth of which is fetched from the L2 cache in the time of a block's
 * products; a shorter one would have its sums loaded and stored more often. */
#define TILE_SLICE 256

/* 16 rows of the slice. */
typedef struct TileSide {
        const char *data;
        ptrdiff_t stride; /* bytes */
} TileSide;

/* What comes next is fetched at an even pace. */
typedef struct TileAhead {
        const char *at;
        size_t step; /* bytes for each step through a block */
} TileAhead;

/* Where the rows lie, or at `copy`, one line further apart than they are long, so that they do not share a cache's sets. */
static TileSide tile_side(const void *const *rows, size_t begin, size_t bytes, char *copy)
{
        const uintptr_t stride = (uintptr_t)rows[1] - (uintptr_t)rows[0];
        bool even = true;

        for (int i = 2; i < TILE_ROWS; i++)
                even &= (uintptr_t)rows[i] - (uintptr_t)rows[i - 1] == stride;
        if (even)
                return (TileSide) { (const char *)rows[0] + begin, (ptrdiff_t)stride };
        for (size_t i = 0; i < TILE_ROWS; i++)
                memcpy(copy + i * (bytes + TILE_BYTES), (const char *)rows[i] + begin, bytes);
        return (TileSide) { copy, (ptrdiff_t)(bytes + TILE_BYTES) };
}

#define TILE_MULTIPLY(c, a, b)                          \
        do {                                            \
                if (of_bytes)                           \
                        tile_multiply_bytes(c, a, b);   \
                else                                    \
                        tile_multiply_bf16(c, a, b);    \
        } while (0)

/* One block of sums: 1 or 2 tiles of rows by 1 or 2 of columns, all constants in each caller. */
static inline __attribute__((always_inline)) void tile_block(
                const Product *p, const TileSide *sides, const char *panel, float *sums, size_t bytes, TileAhead *ahead,
                const int rows, const int columns, const bool of_bytes)
{
        const ptrdiff_t line = (ptrdiff_t)(p->width * sizeof(float)), stride = (ptrdiff_t)(p->stride * sizeof(float));
        float *below = sums + TILE_ROWS * p->stride;

        if (p->add) {
                tile_load(0, sums, stride);
                if (columns > 1)
                        tile_load(1, sums + TILE_LANES, stride);
                if (rows > 1)
                        tile_load(2, below, stride);
                if (rows > 1 && columns > 1)
                        tile_load(3, below + TILE_LANES, stride);
        } else {
                tile_zero(0);
                tile_zero(1);
                tile_zero(2);
                tile_zero(3);
        }
        for (size_t k = 0; k < bytes; k += TILE_BYTES, panel += TILE_ROWS * line) {
                tile_load(4, sides[0].data + k, sides[0].stride);
                tile_load(6, panel, line);
                TILE_MULTIPLY(0, 4, 6);
                if (rows > 1) {
                        tile_load(5, sides[1].data + k, sides[1].stride);
                        TILE_MULTIPLY(2, 5, 6);
                }
                if (columns > 1) {
                        tile_load(7, panel + TILE_BYTES, line);
                        TILE_MULTIPLY(1, 4, 7);
                }
                if (rows > 1 && columns > 1)
                        TILE_MULTIPLY(3, 5, 7);
                for (size_t i = 0; i < ahead->step; i += TILE_BYTES)
                        __builtin_prefetch(ahead->at + i, 0, 2);
                ahead->at += ahead->step;
        }
        tile_store(0, sums, stride);
        if (columns > 1)
                tile_store(1, sums + TILE_LANES, stride);
        if (rows > 1)
                tile_store(2, below, stride);
        if (rows > 1 && columns > 1)
                tile_store(3, below + TILE_LANES, stride);
}

/* All columns of 1 or 2 tiles of rows. */
static inline __attribute__((always_inline)) void tile_band(
                const Product *p, size_t first, TileAhead *ahead, const int rows, const bool of_bytes)
{
        const size_t group = of_bytes ? 4 : 2, begin = p->offset / group * sizeof(float),
                     bytes = p->depth / group * sizeof(float);
        float *sums = p->sums + first * p->stride;
        const char *panel = p->panel;
        char *copy = p->scratch;
        TileSide sides[2];
        size_t column = 0;

        for (int i = 0; i < rows; i++)
                sides[i] = tile_side(p->rows + first + i * TILE_ROWS, begin, bytes,
                                     copy + (size_t)i * TILE_ROWS * (bytes + TILE_BYTES));
        tile_settle();
        for (; column + 2 * TILE_LANES <= p->width; column += 2 * TILE_LANES)
                tile_block(p, sides, panel + column * sizeof(float), sums + column, bytes, ahead, rows, 2, of_bytes);
        if (column < p->width)
                tile_block(p, sides, panel + column * sizeof(float), sums + column, bytes, ahead, rows, 1, of_bytes);
}

static inline __attribute__((always_inline)) void tile_product(const Product *p, const bool of_bytes)
{
        const size_t bands = (p->m + 2 * TILE_ROWS - 1) / (2 * TILE_ROWS), blocks = (p->width + 2 * TILE_LANES - 1) / (2 * TILE_LANES),
                     steps = bands * blocks * p->depth / (TILE_BYTES / (of_bytes ? 1 : 2));
        TileAhead ahead = { .at = p->ahead, .step = p->ahead_size / steps };

        for (size_t first = 0; first < p->m; first += 2 * TILE_ROWS)
                if (p->m - first > TILE_ROWS)
                        tile_band(p, first, &ahead, 2, of_bytes);
                else
                        tile_band(p, first, &ahead, 1, of_bytes);
}

static void tile_product_bf16(const Product *p)
{
        tile_product(p, false);
}

static void tile_product_bytes(const Product *p)
{
        tile_product(p, true);
}

static void tiles_enter(void)
{
        static const TileConfig config = { .palette = 1,
                                           .bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
                                           .rows = { 16, 16, 16, 16, 16, 16, 16, 16 } };
        tile_configure(&config);
}

static void tiles_leave(void)
{
        tile_release();
}

#define TILE_PRODUCTS(elements)                                                                             \
        .lanes = TILE_LANES, .rows = 2 * TILE_ROWS, .group = (elements), .step = TILE_ROWS * (elements),    \
        .panel = TILE_PANEL, .depth = TILE_SLICE * (elements), .tile_rows = 256, .enter = tiles_enter,      \
        .leave = tiles_leave

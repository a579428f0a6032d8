/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Products of small elements, summed by the group: 6 rows by 1 to 4 vectors of columns in registers, as in product.inc.h,
 * and a group of a row broadcast as the 32 bits that it is. Included once by each kernels-ISA.c whose instruction sums the
 * products of a group into each lane, after it has defined
 *
 *     GROUP                              elements in 32 bits
 *     Groups multiply_groups(acc, a, b)  acc + the sum of a * b, lane by lane
 *     Groups add_groups(a, b)            of two vectors of sums */

#define GROUP_ROWS 6
#define GROUP_VECTORS 4
#define GROUP_LINE (LANES * sizeof(float))

static inline __attribute__((always_inline)) Groups broadcast_group(const char *row, size_t k)
{
        int32_t group;

        memcpy(&group, row + k * sizeof group, sizeof group);
        return (Groups)_mm512_set1_epi32(group);
}

/* `vectors` is a constant in each caller, so that the compiler keeps all sums in registers. */
static inline __attribute__((always_inline)) void group_block(
                const Product *p, const void *const *rows, float *sums, const char *ahead, size_t step,
                const int vectors)
{
        Groups acc[GROUP_ROWS][GROUP_VECTORS] = {};
        const char *row[GROUP_ROWS], *panel = p->panel;
        const size_t depth = p->depth / GROUP;

        for (int i = 0; i < GROUP_ROWS; i++)
                row[i] = (const char *)rows[i] + p->offset / GROUP * sizeof(float);

#pragma GCC unroll 2
        for (size_t k = 0; k < depth; k++, panel += (size_t)vectors * GROUP_LINE) {
                Groups b[GROUP_VECTORS];

                __builtin_prefetch(ahead + k * step, 0, 2);
#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++)
                        b[j] = (Groups)_mm512_loadu_si512(panel + (size_t)j * GROUP_LINE);
#pragma GCC unroll 6
                for (int i = 0; i < GROUP_ROWS; i++) {
                        Groups a = broadcast_group(row[i], k);
#pragma GCC unroll 4
                        for (int j = 0; j < vectors; j++)
                                acc[i][j] = multiply_groups(acc[i][j], a, b[j]);
                }
        }

#pragma GCC unroll 6
        for (int i = 0; i < GROUP_ROWS; i++)
#pragma GCC unroll 4
                for (int j = 0; j < vectors; j++) {
                        float *sum = sums + (size_t)i * p->stride + (size_t)j * LANES;
                        if (p->add)
                                acc[i][j] = add_groups((Groups)_mm512_loadu_si512(sum), acc[i][j]);
                        _mm512_storeu_si512(sum, (__m512i)acc[i][j]);
                }
}

static inline __attribute__((always_inline)) void group_blocks(const Product *p, const int vectors)
{
        const size_t blocks = (p->m + GROUP_ROWS - 1) / GROUP_ROWS, depth = p->depth / GROUP,
                     step = p->ahead_size / (blocks * depth);
        const char *ahead = p->ahead;

        for (size_t i = 0; i < p->m; i += GROUP_ROWS, ahead += step * depth)
                group_block(p, p->rows + i, p->sums + i * p->stride, ahead, step, vectors);
}

static void group_product(const Product *p)
{
        switch (p->width / LANES) {
        case 1:
                group_blocks(p, 1);
                break;
        case 2:
                group_blocks(p, 2);
                break;
        case 3:
                group_blocks(p, 3);
                break;
        case 4:
                group_blocks(p, 4);
                break;
        }
}

/* A slice of 128 groups by 64 columns is 32 KiB. */
#define GROUP_PRODUCTS                                                                                      \
        .lanes = LANES, .rows = GROUP_ROWS, .group = GROUP, .step = GROUP,                                 \
        .panel = GROUP_VECTORS * LANES,                                                                     \
        .depth = 128 * GROUP, .tile_rows = 16 * GROUP_ROWS, .multiply = group_product

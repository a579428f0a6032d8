/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "engine/tensor/panels.h"

size_t panel_width(const Products *products, size_t n, size_t column)
{
        size_t rest = (n - column + products->lanes - 1) / products->lanes * products->lanes;
        return MIN(rest, (size_t)products->panel);
}

size_t panels_size(const Products *products, size_t n, size_t k)
{
        return (n + products->lanes - 1) / products->lanes * products->lanes * products_length(products, k);
}

/* Weights are moved as the bits they are; some rows at a time, so that lines of both sides stay in the
 * cache. */
typedef uint32_t __attribute__((may_alias)) Bits32;
typedef uint16_t __attribute__((may_alias)) Bits16;

#define DEFINE_PACK(name, type)                                                                             \
        static void name(type *ret, const type *data, const PanelColumns *p)                                \
        {                                                                                                   \
                enum { BLOCK = 16 };                                                                        \
                const size_t matrix = p->rows * p->width;                                                   \
                                                                                                            \
                for (size_t row0 = 0; row0 < p->rows; row0 += BLOCK)                                        \
                        for (size_t column = 0; column < p->columns; column++)                              \
                                for (size_t row = row0; row < MIN(row0 + BLOCK, p->rows); row++) {          \
                                        const type *from = data + column * p->column_stride;                \
                                        for (size_t tap = 0; tap < p->taps; tap++)                          \
                                                ret[tap * matrix + row * p->width + p->first + column] =    \
                                                                from[row * p->row_stride + tap];            \
                                }                                                                           \
        }

DEFINE_PACK(pack_words, Bits32)
DEFINE_PACK(pack_halves, Bits16)

static void pack_blocks(char *ret, const char *data, WeightType type, const PanelColumns *p)
{
        const size_t size = weight_bytes(type, WEIGHT_BLOCK), scale = sizeof(uint16_t);

        for (size_t row = 0; row < p->rows; row += WEIGHT_BLOCK, ret += size * p->width)
                for (size_t column = 0; column < p->columns; column++) {
                        const char *from = data + weight_bytes(type, column * p->column_stride + row);
                        char *to = ret + scale * p->width + p->first + column;

                        memcpy(ret + scale * (p->first + column), from, scale);
                        for (size_t i = 0; i < size - scale; i++)
                                to[i * p->width] = from[scale + i];
                }
}

void panel_pack(void *ret, const void *data, WeightType type, const PanelColumns *columns)
{
        if (weight_has_blocks(type))
                pack_blocks(ret, data, type, columns);
        else if (type == WEIGHT_F32)
                pack_words(ret, data, columns);
        else
                pack_halves(ret, data, columns);
}

void panels_pack(
                const Products *products, float *ret, const float *data, size_t n, size_t k,
                size_t column_stride, size_t row_stride)
{
        for (size_t column = 0; column < n; column += products->panel) {
                PanelColumns p = {
                        .columns = MIN((size_t)products->panel, n - column),
                        .rows = k,
                        .taps = 1,
                        .column_stride = column_stride,
                        .row_stride = row_stride,
                        .width = panel_width(products, n, column),
                };

                if (p.columns < p.width)
                        memset(ret, 0, p.width * k * sizeof *ret);
                panel_pack(ret, data + column * column_stride, WEIGHT_F32, &p);
                ret += p.width * k;
        }
}

/* A 4x4 block of words, with its columns as rows. */
typedef uint32_t Words __attribute__((vector_size(16)));
typedef uint32_t WordsAnywhere __attribute__((vector_size(16), aligned(1), may_alias));

static void transpose_block(char *ret, size_t ret_stride, const char *from, size_t stride)
{
        const Words a = *(const WordsAnywhere *)from, b = *(const WordsAnywhere *)(from + stride),
                    c = *(const WordsAnywhere *)(from + 2 * stride), d = *(const WordsAnywhere *)(from + 3 * stride);
        const Words ac = __builtin_shufflevector(a, c, 0, 4, 1, 5), ac2 = __builtin_shufflevector(a, c, 2, 6, 3, 7),
                    bd = __builtin_shufflevector(b, d, 0, 4, 1, 5), bd2 = __builtin_shufflevector(b, d, 2, 6, 3, 7);

        *(WordsAnywhere *)ret = __builtin_shufflevector(ac, bd, 0, 4, 1, 5);
        *(WordsAnywhere *)(ret + ret_stride) = __builtin_shufflevector(ac, bd, 2, 6, 3, 7);
        *(WordsAnywhere *)(ret + 2 * ret_stride) = __builtin_shufflevector(ac2, bd2, 0, 4, 1, 5);
        *(WordsAnywhere *)(ret + 3 * ret_stride) = __builtin_shufflevector(ac2, bd2, 2, 6, 3, 7);
}

void panel_pack_groups(void *ret, const void *columns, size_t n, size_t groups, size_t stride, size_t width)
{
        enum { WORD = sizeof(uint32_t), BLOCK = 4 };
        const size_t whole_columns = n / BLOCK * BLOCK, whole = groups / BLOCK * BLOCK, line = width * WORD;
        const char *from = columns;
        char *to = ret;

        for (size_t g = 0; g < whole; g += BLOCK)
                for (size_t column = 0; column < whole_columns; column += BLOCK)
                        transpose_block(to + g * line + column * WORD, line, from + column * stride + g * WORD, stride);
        for (size_t g = 0; g < groups; g++)
                for (size_t column = g < whole ? whole_columns : 0; column < n; column++)
                        memcpy(to + g * line + column * WORD, from + column * stride + g * WORD, WORD);
}

/* The usual numbers of taps are known to the compiler, so that the inner loop is none. */
#define DEFINE_GATHER(name, type)                                                                           \
        static inline __attribute__((always_inline)) void name##_of(                                        \
                        type *ret, const type *column, size_t k, const size_t taps, size_t length)          \
        {                                                                                                   \
                for (size_t i = 0; i < k; i++)                                                              \
                        for (size_t tap = 0; tap < taps; tap++)                                             \
                                ret[tap * length + i] = column[i * taps + tap];                             \
                for (size_t tap = 0; tap < taps; tap++)                                                     \
                        memset(ret + tap * length + k, 0, (length - k) * sizeof *ret);                      \
        }                                                                                                   \
                                                                                                            \
        void name(type *ret, const type *column, size_t k, size_t taps, size_t length)                      \
        {                                                                                                   \
                if (taps == 9)                                                                              \
                        name##_of(ret, column, k, 9, length);                                               \
                else if (taps == 1)                                                                         \
                        name##_of(ret, column, k, 1, length);                                               \
                else                                                                                        \
                        name##_of(ret, column, k, taps, length);                                            \
        }

DEFINE_GATHER(panel_gather_halves, uint16_t)
DEFINE_GATHER(panel_gather_bytes, int8_t)

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
                                                ret[tap * matrix + row * p->width + column] =               \
                                                                from[row * p->row_stride + tap];            \
                                }                                                                           \
        }

DEFINE_PACK(pack_words, Bits32)
DEFINE_PACK(pack_halves, Bits16)

void panel_pack(void *ret, const void *data, WeightType type, const PanelColumns *columns)
{
        if (type == WEIGHT_F32)
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

/* As many elements as fill a group, at once where the compiler knows how many. */
#define DEFINE_PACK_GROUPS(name, type, group)                                                               \
        void name(void *ret, const type *column, size_t k, size_t taps, size_t width)                       \
        {                                                                                                   \
                const size_t groups = (k + (group) - 1) / (group);                                          \
                                                                                                            \
                for (size_t tap = 0; tap < taps; tap++)                                                     \
                        for (size_t g = 0; g < groups; g++) {                                               \
                                type *to = (type *)ret + ((tap * groups + g) * width) * (group);            \
                                for (size_t i = 0; i < (group); i++) {                                      \
                                        const size_t at = g * (group) + i;                                  \
                                        to[i] = at < k ? column[at * taps + tap] : 0;                       \
                                }                                                                           \
                        }                                                                                   \
        }

DEFINE_PACK_GROUPS(panel_pack_halves, uint16_t, 2)
DEFINE_PACK_GROUPS(panel_pack_bytes, int8_t, 4)

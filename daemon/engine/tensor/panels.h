/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the right side of a product is laid out for the kernels: in panels of columns (the last may be
 * narrower, and is filled up with zeros to whole vectors), each panel with its rows one after another. */

#include "engine/kernels/kernels.h"

/* The width of the panel that begins at that column of n, and the elements of all panels of n columns by k
 * rows. */
size_t panel_width(const Products *products, size_t n, size_t column);
size_t panels_size(const Products *products, size_t n, size_t k);

/* Some columns on their way into a panel. The taps of an element lie together in the source, and each gets a
 * matrix of its own in the panel: element (row, tap, column) comes from data[column * column_stride + row *
 * row_stride + tap] and goes to ret[(tap * rows + row) * width + column]. */
typedef struct PanelColumns {
        size_t columns, rows, taps;
        size_t column_stride, row_stride;
        size_t width; /* of the panel, in elements */
} PanelColumns;

void panel_pack(void *ret, const void *data, WeightType type, const PanelColumns *columns);

/* All panels of a two-dimensional array of n columns by k rows, for products of floats. */
void panels_pack(
                const Products *products, float *ret, const float *data, size_t n, size_t k,
                size_t column_stride, size_t row_stride);

/* One column of groups into a panel: element k of tap t, which is column[k * taps + t], is number k % group of group k /
 * group in the t-th matrix of the panel. What fills up the last group is 0. ret: where the column begins in the panel. */
void panel_pack_halves(void *ret, const uint16_t *column, size_t k, size_t taps, size_t width);
void panel_pack_bytes(void *ret, const int8_t *column, size_t k, size_t taps, size_t width);

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
 * row_stride + tap] and goes to ret[(tap * rows + row) * width + first + column].
 *
 * Columns of blocks have one tap and are whole blocks, one after another. In the panel the blocks of some rows lie side by
 * side: the scales of all its columns, then the first byte of each, then the second … */
typedef struct PanelColumns {
        size_t first, columns, rows, taps;
        size_t column_stride, row_stride;
        size_t width; /* of the panel, in elements */
} PanelColumns;

void panel_pack(void *ret, const void *data, WeightType type, const PanelColumns *columns);

/* All panels of a two-dimensional array of n columns by k rows, for products of floats. */
void panels_pack(
                const Products *products, float *ret, const float *data, size_t n, size_t k,
                size_t column_stride, size_t row_stride);

/* Columns of groups (see Product), each with its groups one after another and `stride` bytes from the next, into a panel:
 * group g of column j becomes word g * width + j. Nothing needs to be aligned. */
void panel_pack_groups(void *ret, const void *columns, size_t n, size_t groups, size_t stride, size_t width);

/* One column on its way there: its elements tap by tap, so element k of tap t, which is column[k * taps + t], becomes number
 * t * length + k. What fills up k to `length` is 0. */
void panel_gather_halves(uint16_t *ret, const uint16_t *column, size_t k, size_t taps, size_t length);
void panel_gather_bytes(int8_t *ret, const int8_t *column, size_t k, size_t taps, size_t length);

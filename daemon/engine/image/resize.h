/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* [h][w][c] to [new_h][new_w][c] by linear interpolation, and by its wider triangle where the picture becomes smaller, so
 * that nothing is left out. *ret is malloc'ed. -ENOMEM. */
int resize(const float *from, uint32_t w, uint32_t h, uint32_t c, uint32_t new_w, uint32_t new_h, float **ret);

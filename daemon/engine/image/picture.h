/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A finished picture, and how the decoder's floats (nominally -1 to 1) become one. */

#include <stdint.h>

#include "base/cleanup.h"
#include "engine/tensor/tensor.h"

/* 8 bits a channel, sRGB, rows from top to bottom without padding. */
typedef struct Picture {
        uint32_t width, height;
        uint8_t *rgb; /* owned: picture_done() */
} Picture;

void picture_done(Picture *picture);

/* In place: -1 … 1 to 0 … 1, clamped; NaN becomes 0. */
void picture_normalize(Tensor *decoded);

/* In place: what lies outside 0 … 1 is cut off. */
void picture_clamp(Tensor *picture);

/* [1, h, w, 3] in 0 … 1 to 8 bits, rounding half to even. -ENOMEM. */
int picture_from_tensor(Picture *ret, const Tensor *tensor);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is left of a picture where it is small: in a list, or as an icon. It measures light and dark, and does not know what the
 * picture shows: whether that can be recognised, somebody has to see. */

#include "client/pixels.h"

/* Pixels of the longer side. */
#define LEGIBILITY_SIDES 64, 32
#define LEGIBILITY_N 2
/* Below it lightness hardly differs anywhere. */
#define LEGIBILITY_WEAK 8.0

typedef struct Legibility {
        double contrast; /* of the picture as it is: standard deviation of its lightness (CIE L*, 0 to 100) */
        double small[LEGIBILITY_N]; /* of the same at each side */
} Legibility;

/* The picture with a longer side of at most so many pixels; -ENOMEM. */
int legibility_shrink(const Pixels *pixels, uint32_t side, Pixels *ret);

/* -ENOMEM. */
int legibility_measure(const Pixels *pixels, Legibility *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture as sixels, bands of six rows that are printed colour by colour (DEC STD 070, VT330/VT340 Programmer Reference
 * Manual, volume 2, chapter 14), as xterm, foot, mlterm, WezTerm, Konsole and others show them. */

#include "client/pixels.h"

#define SIXEL_LEVELS_MIN 2U
#define SIXEL_LEVELS_MAX 6U

/* The colours are a cube of so many levels of each of red, green and blue (at most 216 in all, what terminals have of
 * registers is 256), dithered. *ret, to be freed, is the whole sequence of *ret_size bytes. 0 or -ENOMEM. */
int sixel_encode(const Pixels *pixels, unsigned levels, char **ret, size_t *ret_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Whether the products on tiles can be used, where the processor has tiles: the system must lend them to the process, and what
 * they compute must be right, which is tried on a few numbers whose sums are known. Found out once, in microseconds; a warning
 * says what was wrong. */
bool tiles_usable(void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the tests of kernels: what is expected of them. */

#include "tests/engine/numbers.h"

/* Around the widths of vectors, and in between. */
static const size_t lengths[] = { 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 77, 100 };

static inline double finish_in_double(double x, Finish finish)
{
        switch (finish) {
        case FINISH_SILU:
                return x / (1 + exp(-x));
        case FINISH_GELU:
                return 0.5 * x * erfc(-x / sqrt(2));
        case FINISH_QUICK_GELU:
                return x / (1 + exp(-1.702 * x));
        default:
                return x;
        }
}

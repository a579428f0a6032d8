/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers that follow from a seed, on every machine the same (splitmix64). */

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* A stream of its own for each purpose of a seed. */
static inline uint64_t random_start(uint64_t seed, uint64_t purpose)
{
        uint64_t state = seed ^ purpose * UINT64_C(0xd1342543de82ef95);

        (void)random_next(&state);
        return state;
}

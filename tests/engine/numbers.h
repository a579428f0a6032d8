/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Random numbers from fixed seeds, and each test once for every instruction set that this processor has. */

#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/tiles.h"
#include "tests/engine/fixtures.h"

typedef struct Numbers {
        uint32_t state;
} Numbers;

static inline float number(Numbers *numbers) /* -2 to 2 */
{
        numbers->state = numbers->state * 1664525 + 1013904223;
        return (float)(int32_t)numbers->state * (2.0f / 2147483648.0f);
}

/* Exactly n floats on the heap, so that sanitizers see one step too far. */
static inline float *numbers_new(Numbers *numbers, size_t n)
{
        float *ret = malloc(n * sizeof *ret);
        assert_non_null(ret);
        for (size_t i = 0; i < n; i++)
                ret[i] = number(numbers);
        return ret;
}

/* Within `tolerance` of the size of the numbers at hand (at least 1). */
static inline void assert_near(double got, double wanted, double tolerance)
{
        double size = fabs(wanted) > 1 ? fabs(wanted) : 1;
        if (!(fabs(got - wanted) <= tolerance * size))
                fail_msg("%.9g instead of %.9g", got, wanted);
}

/* The nearest bfloat16, as a float; independent of the kernels'. */
static inline float to_bf16(float x)
{
        uint32_t bits;

        memcpy(&bits, &x, sizeof bits);
        const uint32_t below = bits & 0xffff, odd = bits >> 16 & 1;
        bits = (bits >> 16) + (below > 0x8000 || (below == 0x8000 && odd));
        bits <<= 16;
        memcpy(&x, &bits, sizeof x);
        return x;
}

/* Whether the processor has tiles that the system does not lend, or that were found wanting: others take their place then.
 * Emulated ones have no such excuse. */
static inline bool lacks_tiles(CpuIsa isa)
{
        return isa == CPU_AMX && !cpu_emulates_tiles() && !tiles_usable();
}

/* Calls test() with each table in force; where tiles are emulated, with these alone. */
static inline void for_each_kernels(void (*test)(const Kernels *kernels))
{
        static const char *const products[] = { "own", "openblas" };
        const char *set = getenv("IMAGINED_ISA");
        _cleanup_(freep) char *isa_before = set ? strdup(set) : NULL;
        const CpuIsa best = cpu_isa();

        for (CpuIsa isa = cpu_emulates_tiles() ? CPU_AMX : CPU_GENERIC; isa <= best; isa++)
                for (size_t i = 0; i < ELEMENTSOF(products) && cpu_has(isa); i++) {
                        assert_int_equal(setenv("IMAGINED_ISA", cpu_isa_to_string(isa), 1), 0);
                        assert_int_equal(setenv("IMAGINED_PRODUCTS", products[i], 1), 0);
                        const Kernels *kernels = kernels_get();
                        if (i == 0 && !lacks_tiles(isa))
                                assert_string_equal(kernels->name, cpu_isa_to_string(isa));
                        test(kernels);
                }
        assert_int_equal(unsetenv("IMAGINED_PRODUCTS"), 0);
        if (isa_before)
                assert_int_equal(setenv("IMAGINED_ISA", isa_before, 1), 0);
        else
                assert_int_equal(unsetenv("IMAGINED_ISA"), 0);
}

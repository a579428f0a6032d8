/* SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/util.h"

static const char *const isa_names[CPU_ISA_MAX] = {
        [CPU_GENERIC] = "generic",
        [CPU_AVX2] = "avx2",
        [CPU_AVX512] = "avx512",
        [CPU_AVX512_VNNI] = "avx512-vnni",
        [CPU_AVX512_BF16] = "avx512-bf16",
        [CPU_AMX] = "amx",
};

#if defined(__x86_64__)
#if defined(TILES_EMULATED)
static bool has_tiles(void)
{
        return cpu_has(CPU_AVX2); /* what the emulation is compiled for */
}
#else
/* Tiles of bfloat16 and bytes, and whether the system saves them between threads; gcc 12 does not know it. The bits are
 * those of Intel's Software Developer's Manual (CPUID leaf 7, XCR0). */
static bool ask_for_tiles(void)
{
        const unsigned wanted = 1U << 22 | 1U << 24 | 1U << 25, saves = 1U << 27, states = 3U << 17;
        unsigned a, b, c, d, low, high;

        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & saves) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
            (d & wanted) != wanted)
                return false;
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return (low & states) == states && cpu_has(CPU_AVX512_BF16);
}

static bool tiles_found; /* written once, before anybody reads it */

static void find_tiles(void)
{
        tiles_found = ask_for_tiles();
}

/* Asked once: in a virtual machine each CPUID is a way to the host and back, tens of microseconds long. */
static bool has_tiles(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void)pthread_once(&once, find_tiles);
        return tiles_found;
}
#endif

bool cpu_has(CpuIsa isa)
{
        switch (isa) {
        case CPU_GENERIC:
                return true;
        case CPU_AVX2:
                return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case CPU_AVX512:
                return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        case CPU_AVX512_VNNI:
                return cpu_has(CPU_AVX512) && __builtin_cpu_supports("avx512vnni");
        case CPU_AVX512_BF16:
                return cpu_has(CPU_AVX512_VNNI) && __builtin_cpu_supports("avx512vbmi") &&
                       __builtin_cpu_supports("avx512bf16");
        case CPU_AMX:
                return has_tiles();
        default:
                return false;
        }
}

CpuIsa cpu_isa_without_tiles(void)
{
        /* Intel's processors have products of bfloat16 beside tiles, and half as fast as those of floats. */
        if (cpu_has(CPU_AVX512_BF16) && __builtin_cpu_is("amd"))
                return CPU_AVX512_BF16;
        if (cpu_has(CPU_AVX512_VNNI))
                return CPU_AVX512_VNNI;
        if (cpu_has(CPU_AVX512))
                return CPU_AVX512;
        return cpu_has(CPU_AVX2) ? CPU_AVX2 : CPU_GENERIC;
}
#else
bool cpu_has(CpuIsa isa)
{
        return isa == CPU_GENERIC;
}

CpuIsa cpu_isa_without_tiles(void)
{
        return CPU_GENERIC;
}
#endif

bool cpu_emulates_tiles(void)
{
#if defined(TILES_EMULATED)
        return cpu_has(CPU_AMX);
#else
        return false;
#endif
}

CpuIsa cpu_isa(void)
{
        const CpuIsa best = cpu_has(CPU_AMX) ? CPU_AMX : cpu_isa_without_tiles();
        const char *wanted = getenv("IMAGINED_ISA");

        for (CpuIsa isa = CPU_GENERIC; wanted && isa < best; isa++)
                if (streq(wanted, isa_names[isa]) && cpu_has(isa))
                        return isa;
        return best;
}

const char *cpu_isa_to_string(CpuIsa isa)
{
        return isa_names[isa];
}

const char *cpu_blas_core(void)
{
#if defined(__x86_64__)
        static const char *const cores[CPU_ISA_MAX] = {
                [CPU_GENERIC] = "PRESCOTT",
                [CPU_AVX2] = "HASWELL",
                [CPU_AVX512] = "SKYLAKEX",
                [CPU_AVX512_VNNI] = "SKYLAKEX",
                [CPU_AVX512_BF16] = "SKYLAKEX",
                [CPU_AMX] = "SKYLAKEX",
        };
        return cores[cpu_emulates_tiles() ? cpu_isa_without_tiles() : cpu_isa()];
#else
        return NULL;
#endif
}

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
/* gcc 12 and clang 14 do not know these. The bits are those of Intel's Software Developer's Manual (CPUID leaves 1 and 7, XCR0). */
static bool has_f16c(void)
{
        unsigned a, b, c, d;

        return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}

/* That bit, and whether the system saves tiles between threads. */
static bool has_tiles(unsigned bit)
{
        const unsigned saves = 1U << 27, states = 3U << 17;
        unsigned a, b, c, d, low, high;

        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & saves) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & 1U << bit))
                return false;
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return (low & states) == states;
}

/* All that kernels are compiled for: its name (-mNAME of the compilers), the first set that has it, whether this processor has. */
#define FEATURES(X)                                                            \
        X("avx2", CPU_AVX2, __builtin_cpu_supports("avx2"))                    \
        X("fma", CPU_AVX2, __builtin_cpu_supports("fma"))                      \
        X("f16c", CPU_AVX2, has_f16c())                                        \
        X("avx512f", CPU_AVX512, __builtin_cpu_supports("avx512f"))            \
        X("avx512bw", CPU_AVX512, __builtin_cpu_supports("avx512bw"))          \
        X("avx512dq", CPU_AVX512, __builtin_cpu_supports("avx512dq"))          \
        X("avx512vl", CPU_AVX512, __builtin_cpu_supports("avx512vl"))          \
        X("avx512vnni", CPU_AVX512_VNNI, __builtin_cpu_supports("avx512vnni")) \
        X("avx512vbmi", CPU_AVX512_BF16, __builtin_cpu_supports("avx512vbmi")) \
        X("avx512bf16", CPU_AVX512_BF16, __builtin_cpu_supports("avx512bf16")) \
        X("amx-bf16", CPU_AMX, has_tiles(22))                                  \
        X("amx-tile", CPU_AMX, has_tiles(24))                                  \
        X("amx-int8", CPU_AMX, has_tiles(25))

static CpuIsa found; /* written once, before anybody reads it */

static void find(void)
{
        found = CPU_ISA_MAX - 1;
#define X(name, isa, has)                       \
        if (found >= (isa) && !(has))           \
                found = (CpuIsa)((isa)-1);
        FEATURES(X)
#undef X
}

bool cpu_has(CpuIsa isa)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        /* Asked once: in a virtual machine each CPUID is a way to the host and back, tens of microseconds long. */
        (void)pthread_once(&once, find);
#if defined(TILES_EMULATED)
        if (isa == CPU_AMX)
                return found >= CPU_AVX2; /* what the emulation is compiled for */
#endif
        return isa <= found;
}

CpuIsa cpu_isa_using(const char *feature)
{
#define X(name, isa, has)          \
        if (streq(feature, (name))) \
                return isa;
        FEATURES(X)
#undef X
        return CPU_ISA_MAX;
}

CpuIsa cpu_isa_without_tiles(void)
{
        /* Intel's processors have products of bfloat16 beside tiles, and half as fast as those of floats. */
        if (cpu_has(CPU_AVX512_BF16) && __builtin_cpu_is("amd"))
                return CPU_AVX512_BF16;
        return MIN(found, CPU_AVX512_VNNI);
}
#else
bool cpu_has(CpuIsa isa)
{
        return isa == CPU_GENERIC;
}

CpuIsa cpu_isa_using(const char *feature)
{
        (void)feature;
        return CPU_ISA_MAX;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/util.h"

static const char *const isa_names[CPU_ISA_MAX] = {
        [CPU_GENERIC] = "generic",
        [CPU_AVX2] = "avx2",
        [CPU_AVX512] = "avx512",
        [CPU_AVX512_VNNI] = "avx512-vnni",
        [CPU_AVX512_BF16] = "avx512-bf16",
};

#if defined(__x86_64__)
static CpuIsa best_avx512(void)
{
        if (!__builtin_cpu_supports("avx512vnni"))
                return CPU_AVX512;
        /* Intel's processors have it beside tiles, and half as fast as products of floats. */
        if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_is("amd"))
                return CPU_AVX512_VNNI;
        return CPU_AVX512_BF16;
}
#endif

static CpuIsa best_isa(void)
{
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
                return best_avx512();
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
                return CPU_AVX2;
#endif
        return CPU_GENERIC;
}

CpuIsa cpu_isa(void)
{
        CpuIsa best = best_isa();
        const char *wanted = getenv("IMAGINED_ISA");

        for (CpuIsa isa = CPU_GENERIC; wanted && isa < best; isa++)
                if (streq(wanted, isa_names[isa]))
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
        };
        return cores[cpu_isa()];
#else
        return NULL;
#endif
}

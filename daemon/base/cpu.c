/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/util.h"

static const char *const isa_names[CPU_ISA_MAX] = {
        [CPU_GENERIC] = "generic",
        [CPU_AVX2] = "avx2",
        [CPU_AVX512] = "avx512",
};

static CpuIsa best_isa(void)
{
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
                return CPU_AVX512;
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
        };
        return cores[cpu_isa()];
#else
        return NULL;
#endif
}

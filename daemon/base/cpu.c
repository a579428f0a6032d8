/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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
#define XFEATURE_TILE_DATA 18

/* Whether there are tiles of bf16 and of bytes (Intel's manual, volume 2, CPUID leaf 7), and Linux lets this process use
 * them: it saves their 8 KiB only for those that have asked, once for all threads
 * (Documentation/arch/x86/xstate.rst). */
static bool has_tiles(void)
{
        enum { TILES = 1 << 24, TILES_BF16 = 1 << 22, TILES_INT8 = 1 << 25 };
        const unsigned wanted = TILES | TILES_BF16 | TILES_INT8;
        unsigned a, b, c, d;

        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & wanted) == wanted &&
               syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_TILE_DATA) == 0;
}

static CpuIsa best_avx512(void)
{
        if (!__builtin_cpu_supports("avx512vnni"))
                return CPU_AVX512;
        if (!__builtin_cpu_supports("avx512bf16"))
                return CPU_AVX512_VNNI;
        return has_tiles() ? CPU_AMX : CPU_AVX512_BF16;
}
#endif

static CpuIsa find_best(void)
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

/* Found once: whoever shuts doors behind itself has asked before. */
static CpuIsa best_isa(void)
{
        static _Atomic int found = -1;
        int best = atomic_load(&found);

        if (best < 0)
                atomic_store(&found, best = (int)find_best());
        return (CpuIsa)best;
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
                [CPU_AMX] = "SKYLAKEX",
        };
        return cores[cpu_isa()];
#else
        return NULL;
#endif
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/util.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/tables.h"
#include "engine/kernels/tiles.h"

const Kernels *kernels_get(void)
{
        static const struct {
                const Kernels *own, *openblas;
        } tables[CPU_ISA_MAX] = {
                [CPU_GENERIC] = { &kernels_generic, &kernels_generic },
#if defined(__x86_64__)
                [CPU_AVX2] = { &kernels_avx2, &kernels_avx2_openblas },
                [CPU_AVX512] = { &kernels_avx512, &kernels_avx512_openblas },
                [CPU_AVX512_VNNI] = { &kernels_vnni, &kernels_avx512_openblas },
                [CPU_AVX512_BF16] = { &kernels_bf16, &kernels_avx512_openblas },
                [CPU_AMX] = { .own = &kernels_amx },
#endif
        };
        const char *products = getenv("IMAGINED_PRODUCTS");
        const bool openblas = products && streq(products, "openblas");
        CpuIsa isa = cpu_isa();

        if (isa == CPU_AMX && (openblas || !tiles_usable()))
                isa = cpu_isa_without_tiles();
        return openblas ? tables[isa].openblas : tables[isa].own;
}

Precision kernels_precision(Precision wanted, Precision automatic)
{
        const Precision asked = wanted == PRECISION_AUTO ? automatic : wanted;

        return asked < PRECISION_MAX && kernels_get()->products[asked] ? asked : PRECISION_F32;
}

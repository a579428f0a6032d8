/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the processor can do, and what OpenBLAS must be told about it.
 *
 * IMAGINED_ISA=generic|avx2|avx512|avx512-vnni|avx512-bf16|amx in the environment lowers the choice (for tests,
 * for valgrind, or to do without tiles: avx512-vnni); it never raises it. */

#include <stdbool.h>

typedef enum CpuIsa {
        CPU_GENERIC,
        CPU_AVX2, /* with FMA and F16C */
        CPU_AVX512, /* F, BW, DQ, VL */
        CPU_AVX512_VNNI, /* and products of bytes */
        CPU_AVX512_BF16, /* and products of bfloat16; chosen where they are faster than those of floats */
        CPU_AMX, /* and tiles of bfloat16 and bytes (whether the kernel lends them, see kernels/tiles.h) */
        CPU_ISA_MAX,
} CpuIsa;

/* GOMP_SPINCOUNT for the engine's threads: how often a thread looks again before it sleeps at a barrier. A few
 * microseconds spare most of a small model's waits; longer ones are lost where other programs want the processor
 * (docs/performance.md). */
#define CPU_SPINS "1000"

CpuIsa cpu_isa(void);

/* Each set has all that is in those before it. */
bool cpu_has(CpuIsa isa);

/* The first set that asks for what compilers call -mFEATURE; CPU_ISA_MAX: none does. */
CpuIsa cpu_isa_using(const char *feature);

/* What it would be without tiles. */
CpuIsa cpu_isa_without_tiles(void);

/* Whether this is a build for tests whose tiles are computed in software (TILES_EMULATED). */
bool cpu_emulates_tiles(void);
const char *cpu_isa_to_string(CpuIsa isa);

/* The value for OPENBLAS_CORETYPE, which must stand in the environment before OpenBLAS is loaded: releases
 * that do not know a new processor fall back to SSE3 kernels, five times too slow. NULL: leave the choice to
 * OpenBLAS. */
const char *cpu_blas_core(void);

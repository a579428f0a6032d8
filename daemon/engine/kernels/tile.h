/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The instructions on tiles (AMX; Intel's Software Developer's Manual, volume 2), as thin as can be: eight registers of at most
 * 16 rows of 64 bytes. With TILES_EMULATED the same words mean the emulation in tile-emulated.h, so that the kernels can be
 * tested where there are no tiles. Register numbers are written out: the instructions hold them.
 *
 *     tile_configure(&config)         what shapes the registers have from now on, in this thread; they are zero
 *     tile_release()                  none are in use any more
 *     tile_zero(C)
 *     tile_load(T, from, stride)      its rows, `stride` bytes apart
 *     tile_store(T, to, stride)
 *     tile_multiply_bf16(C, A, B)     C += A * B: A holds rows of pairs of bfloat16, B the same pairs of each column in a word
 *     tile_multiply_bytes(C, A, B)    the same of four bytes each, unsigned in A and signed in B; C is int32_t
 *     tile_settle()                   what was stored before in other ways is there when tiles are loaded: the compilers do
 *                                     not know that loads read memory */

#include <stdint.h>

#define TILE_ROWS 16
#define TILE_BYTES 64
#define TILE_REGISTERS 8

typedef struct TileConfig {
        uint8_t palette; /* 1 */
        uint8_t start_row;
        uint8_t reserved[14];
        uint16_t bytes[16]; /* of a row of each register */
        uint8_t rows[16];
} TileConfig;

_Static_assert(sizeof(TileConfig) == 64, "as the processor reads it");

#if defined(TILES_EMULATED)
#include "engine/kernels/tile-emulated.h"
#else
#include <immintrin.h>

#define tile_configure(config) _tile_loadconfig(config)
#define tile_release() _tile_release()
#define tile_zero(c) _tile_zero(c)
#define tile_load(t, from, stride) _tile_loadd(t, from, stride)
#define tile_store(t, to, stride) _tile_stored(t, to, stride)
#define tile_multiply_bf16(c, a, b) _tile_dpbf16ps(c, a, b)
#define tile_multiply_bytes(c, a, b) _tile_dpbusd(c, a, b)
#define tile_settle() __asm__ volatile("" ::: "memory")
#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tile.h says, in software, to the last bit as Intel documents it (Software Developer's Manual, volume 2: LDTILECFG,
 * TILELOADD, TILESTORED, TDPBF16PS, TDPBUSD). What would raise an exception ends the program. For tests. */

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TileState {
        TileConfig config;
        uint32_t data[TILE_REGISTERS][TILE_ROWS][TILE_BYTES / sizeof(uint32_t)];
} TileState;

/* A thread's registers. */
static _Thread_local TileState tile_state;

static inline void tile_expect(bool holds, const char *what)
{
        if (holds)
                return;
        (void)fprintf(stderr, "The processor would have raised an exception: %s\n", what);
        abort();
}

static inline bool tile_bytes_are_zero(const void *data, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (((const uint8_t *)data)[i])
                        return false;
        return true;
}

static inline void tile_configure(const TileConfig *config)
{
        tile_expect(config->palette == 1, "palette");
        tile_expect(tile_bytes_are_zero(config->reserved, sizeof(config->reserved)), "reserved bytes");
        for (int i = 0; i < 16; i++) {
                tile_expect(config->rows[i] <= TILE_ROWS && config->bytes[i] <= TILE_BYTES, "size of a tile");
                tile_expect(!config->rows[i] == !config->bytes[i], "a tile with rows and no columns, or the other way");
                tile_expect(i < TILE_REGISTERS || !config->rows[i], "a tile that there is not");
        }
        memset(&tile_state, 0, sizeof(tile_state));
        tile_state.config = *config;
}

static inline void tile_release(void)
{
        memset(&tile_state, 0, sizeof(tile_state));
}

static inline void tile_expect_valid(int t)
{
        const TileConfig *config = &tile_state.config;

        tile_expect(config->palette == 1 && t < TILE_REGISTERS && config->rows[t], "a tile that is not configured");
        tile_expect(config->bytes[t] % sizeof(uint32_t) == 0, "bytes of a row");
        tile_expect(config->start_row < config->rows[t], "the row to start with");
}

static inline void tile_zero(int t)
{
        tile_expect_valid(t);
        memset(tile_state.data[t], 0, sizeof(tile_state.data[t]));
}

static inline void tile_load(int t, const void *from, ptrdiff_t stride)
{
        tile_expect_valid(t);
        memset(tile_state.data[t], 0, sizeof(tile_state.data[t]));
        for (int i = 0; i < tile_state.config.rows[t]; i++)
                memcpy(tile_state.data[t][i], (const char *)from + i * stride, tile_state.config.bytes[t]);
}

static inline void tile_store(int t, void *to, ptrdiff_t stride)
{
        tile_expect_valid(t);
        for (int i = 0; i < tile_state.config.rows[t]; i++)
                memcpy((char *)to + i * stride, tile_state.data[t][i], tile_state.config.bytes[t]);
}

static inline void tile_expect_product(int c, int a, int b)
{
        const TileConfig *config = &tile_state.config;

        tile_expect_valid(a);
        tile_expect_valid(b);
        tile_expect_valid(c);
        tile_expect(c != a && c != b && a != b, "the same tile twice");
        tile_expect(config->rows[c] == config->rows[a] && config->bytes[c] == config->bytes[b] &&
                                    config->bytes[a] / sizeof(uint32_t) == config->rows[b],
                    "shapes that do not fit");
}

#define TILE_WORDS (TILE_BYTES / sizeof(uint32_t))

static inline float tile_float(uint32_t bits)
{
        float x;

        memcpy(&x, &bits, sizeof x);
        return x;
}

/* In a register configuration of its own (see below), so it may not be moved out of it: not inline. The even and the odd
 * elements are summed apart, by fused multiplications, and only then added to each other and to what was there. */
static __attribute__((noinline)) void tile_dot_bf16(float *c, const uint32_t *a, const uint32_t *b, int rows, int depth)
{
        for (int m = 0; m < rows; m++, c += TILE_WORDS, a += TILE_WORDS) {
                float even[TILE_WORDS] = {}, odd[TILE_WORDS] = {};

                for (int k = 0; k < depth; k++) {
                        const float a_even = tile_float(a[k] << 16), a_odd = tile_float(a[k] & 0xffff0000);
                        for (size_t n = 0; n < TILE_WORDS; n++) {
                                const uint32_t pair = b[(size_t)k * TILE_WORDS + n];
                                even[n] = __builtin_fmaf(a_even, tile_float(pair << 16), even[n]);
                                odd[n] = __builtin_fmaf(a_odd, tile_float(pair & 0xffff0000), odd[n]);
                        }
                }
                for (size_t n = 0; n < TILE_WORDS; n++)
                        c[n] += even[n] + odd[n];
        }
}

/* Rounds to the nearest, takes and makes no denormals, whatever the thread's own settings are. */
static inline void tile_multiply_bf16(int c, int a, int b)
{
        const unsigned before = _mm_getcsr();
        float sums[TILE_ROWS * TILE_WORDS];

        tile_expect_product(c, a, b);
        memcpy(sums, tile_state.data[c], sizeof(sums));
        _mm_setcsr(0x1f80 | 0x8040);
        tile_dot_bf16(sums, tile_state.data[a][0], tile_state.data[b][0], tile_state.config.rows[a], tile_state.config.rows[b]);
        __asm__ volatile("" ::: "memory");
        _mm_setcsr(before);
        memcpy(tile_state.data[c], sums, sizeof(sums));
}

static inline uint32_t tile_dot_bytes(uint32_t a, uint32_t b)
{
        uint32_t sum = 0;

        for (int i = 0; i < 32; i += 8)
                sum += (uint32_t)((int32_t)(a >> i & 0xff) * (int8_t)(b >> i & 0xff));
        return sum;
}

static inline void tile_multiply_bytes(int c, int a, int b)
{
        tile_expect_product(c, a, b);
        for (int m = 0; m < tile_state.config.rows[a]; m++)
                for (int k = 0; k < tile_state.config.rows[b]; k++)
                        for (size_t n = 0; n < TILE_WORDS; n++)
                                tile_state.data[c][m][n] += tile_dot_bytes(tile_state.data[a][m][k], tile_state.data[b][k][n]);
}

static inline void tile_settle(void)
{
}

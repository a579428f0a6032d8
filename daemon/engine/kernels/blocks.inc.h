/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Weights in blocks (see WeightType) to floats; exact, for a scale of 11 bits times a number of 8 has less than 24. Included
 * once by each kernels-ISA.c. */

#include "engine/kernels/kernels.h"
#include "engine/kernels/vector.h"

typedef int8_t VecBytesAnywhere __attribute__((vector_size(LANES), aligned(1), may_alias));

/* A block's rows of bytes: of Q4_0 the lower halves are its first numbers, the upper halves the others. */
static inline size_t block_lines(WeightType type)
{
        return type == WEIGHT_Q4_0 ? WEIGHT_BLOCK / 2 : WEIGHT_BLOCK;
}

/* One number of each of LANES blocks, or LANES of one; in_upper: of Q4_0, the upper halves. */
static inline Vec block_numbers(const char *bytes, WeightType type, bool in_upper)
{
        VecBytes numbers = *(const VecBytesAnywhere *)bytes;

        if (type == WEIGHT_Q4_0)
                numbers = ((in_upper ? numbers >> 4 : numbers) & 15) - 8;
        return __builtin_convertvector(numbers, Vec);
}

/* n / WEIGHT_BLOCK blocks, one after the other. */
static void widen_blocks(float *ret, const char *block, size_t n, WeightType type)
{
        const size_t size = weight_bytes(type, WEIGHT_BLOCK), lines = block_lines(type);

        for (size_t at = 0; at < n; at += WEIGHT_BLOCK, block += size) {
                uint16_t scale[LANES] = {};
                memcpy(scale, block, sizeof *scale);
                const Vec factor = vec_set(vec_load_f16(scale)[0]);

                for (size_t i = 0; i < WEIGHT_BLOCK; i += LANES)
                        vec_store(ret + at + i,
                                  factor * block_numbers(block + sizeof *scale + i % lines, type, i >= lines));
        }
}

/* Rows of a panel that lie in the same blocks. */
static void widen_lines(float *ret, const char *blocks, size_t first, size_t rows, size_t width, WeightType type)
{
        const uint16_t *scales = (const void *)blocks;
        const size_t lines = block_lines(type);

        for (size_t j = 0; j < width; j += LANES) {
                const Vec factors = vec_load_f16(scales + j);

                for (size_t i = 0; i < rows; i++) {
                        const size_t row = first + i;
                        const char *line = (const char *)(scales + width) + row % lines * width;

                        vec_store(ret + i * width + j, factors * block_numbers(line + j, type, row >= lines));
                }
        }
}

static void widen_panel_blocks(
                float *ret, const char *panel, size_t first, size_t rows, size_t width, WeightType type)
{
        const size_t size = weight_bytes(type, WEIGHT_BLOCK) * width;

        for (size_t row = first, n; row < first + rows; row += n, ret += n * width) {
                const size_t within = row % WEIGHT_BLOCK, left = first + rows - row;

                n = left < WEIGHT_BLOCK - within ? left : WEIGHT_BLOCK - within;
                widen_lines(ret, panel + row / WEIGHT_BLOCK * size, within, n, width, type);
        }
}

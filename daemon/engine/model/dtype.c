/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "engine/model/safetensors.h"
#include "engine/model/weights.h"

static const struct {
        const char *name;
        size_t size; /* bytes of a block */
        size_t block; /* elements */
} dtypes[DTYPE_MAX] = {
        [DTYPE_F32] = { "F32", 4, 1 },    [DTYPE_F16] = { "F16", 2, 1 },    [DTYPE_BF16] = { "BF16", 2, 1 },
        [DTYPE_I64] = { "I64", 8, 1 },    [DTYPE_I32] = { "I32", 4, 1 },    [DTYPE_U8] = { "U8", 1, 1 },
        [DTYPE_I8] = { "I8", 1, 1 },      [DTYPE_Q8_0] = { "Q8_0", 34, 32 }, [DTYPE_Q4_0] = { "Q4_0", 18, 32 },
};

bool dtype_bytes(DType dtype, uint64_t n, uint64_t *ret)
{
        return n % dtypes[dtype].block == 0 &&
               !__builtin_mul_overflow(n / dtypes[dtype].block, dtypes[dtype].size, ret);
}

const char *dtype_to_string(DType dtype)
{
        return dtypes[dtype].name;
}

/* Those of safetensors, which has no blocks. */
int dtype_from_string(const char *name)
{
        for (int i = 0; i < DTYPE_MAX; i++)
                if (dtypes[i].block == 1 && streq(name, dtypes[i].name))
                        return i;
        return -1;
}

static float f32_from_bits(uint32_t bits)
{
        float f;
        memcpy(&f, &bits, sizeof(f));
        return f;
}

static float f32_from_f16(uint16_t half)
{
        /* Exponent and fraction in place, then the difference of the two biases as a factor, which also
         * makes subnormal halves normal. */
        float f = f32_from_bits((uint32_t)(half & 0x7fff) << 13) * 0x1p112F;
        uint32_t bits;

        memcpy(&bits, &f, sizeof(bits));
        if ((half & 0x7c00) == 0x7c00) /* infinity or NaN */
                bits |= 0x7f800000;
        return f32_from_bits(bits | (uint32_t)(half & 0x8000) << 16);
}

static float f32_from_bf16(uint16_t half)
{
        return f32_from_bits((uint32_t)half << 16);
}

/* A scale and 32 whole numbers: bytes, or halves of bytes less 8, the low ones first. */
static void convert_block(const uint8_t *block, DType dtype, float *ret)
{
        uint16_t half;
        memcpy(&half, block, sizeof(half));
        const float scale = f32_from_f16(half);
        const uint8_t *numbers = block + sizeof(half);

        for (unsigned i = 0; i < 16; i++)
                if (dtype == DTYPE_Q8_0) {
                        ret[i] = scale * (float)(int8_t)numbers[i];
                        ret[i + 16] = scale * (float)(int8_t)numbers[i + 16];
                } else {
                        ret[i] = scale * (float)((numbers[i] & 15) - 8);
                        ret[i + 16] = scale * (float)((numbers[i] >> 4) - 8);
                }
}

/* The data may be unaligned, so every element is copied out. */
#define CONVERT(type, expression)                                                     \
        for (uint64_t i = 0; i < tensor->n_elements; i++) {                           \
                type x;                                                               \
                memcpy(&x, (const uint8_t *)tensor->data + i * sizeof(x), sizeof(x)); \
                ret[i] = (expression);                                                \
        }                                                                             \
        break

static void scaled_rows_to_f32(const StoredTensor *tensor, float *ret)
{
        const int8_t *data = tensor->data;
        const uint64_t columns = tensor->n_elements / tensor->shape[0];

        for (uint64_t row = 0; row < tensor->shape[0]; row++) {
                float scale;
                memcpy(&scale, (const uint8_t *)tensor->scales + row * sizeof(scale), sizeof(scale));
                for (uint64_t i = row * columns; i < (row + 1) * columns; i++)
                        ret[i] = scale * (float)data[i];
        }
}

void stored_tensor_to_f32(const StoredTensor *tensor, float *ret)
{
        if (tensor->n_elements == 0)
                return;

        switch (tensor->dtype) {
        case DTYPE_F32:
                memcpy(ret, tensor->data, (size_t)tensor->n_elements * sizeof(float));
                break;
        case DTYPE_F16:
                CONVERT(uint16_t, f32_from_f16(x));
        case DTYPE_BF16:
                CONVERT(uint16_t, f32_from_bf16(x));
        case DTYPE_I64:
                CONVERT(int64_t, (float)x);
        case DTYPE_I32:
                CONVERT(int32_t, (float)x);
        case DTYPE_U8:
                CONVERT(uint8_t, (float)x);
        case DTYPE_I8:
                if (tensor->scales) {
                        scaled_rows_to_f32(tensor, ret);
                        break;
                }
                CONVERT(int8_t, (float)x);
        case DTYPE_Q8_0:
        case DTYPE_Q4_0:
                for (uint64_t i = 0; i < tensor->n_elements / 32; i++)
                        convert_block((const uint8_t *)tensor->data + i * dtypes[tensor->dtype].size, tensor->dtype,
                                      ret + i * 32);
                break;
        case DTYPE_MAX:
                break;
        }
}

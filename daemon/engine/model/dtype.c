/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "engine/model/safetensors.h"
#include "engine/model/weights.h"

static const struct {
        const char *name;
        size_t size;
} dtypes[DTYPE_MAX] = {
        [DTYPE_F32] = { "F32", 4 }, [DTYPE_F16] = { "F16", 2 }, [DTYPE_BF16] = { "BF16", 2 },
        [DTYPE_I64] = { "I64", 8 }, [DTYPE_I32] = { "I32", 4 }, [DTYPE_U8] = { "U8", 1 },
};

size_t dtype_size(DType dtype)
{
        return dtypes[dtype].size;
}

const char *dtype_to_string(DType dtype)
{
        return dtypes[dtype].name;
}

int dtype_from_string(const char *name)
{
        for (int i = 0; i < DTYPE_MAX; i++)
                if (streq(name, dtypes[i].name))
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

/* The data may be unaligned, so every element is copied out. */
#define CONVERT(type, expression)                                                     \
        for (uint64_t i = 0; i < tensor->n_elements; i++) {                           \
                type x;                                                               \
                memcpy(&x, (const uint8_t *)tensor->data + i * sizeof(x), sizeof(x)); \
                ret[i] = (expression);                                                \
        }                                                                             \
        break

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
        case DTYPE_MAX:
                break;
        }
}

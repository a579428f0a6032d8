/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Activations, channels last. A picture or latents are [n, h, w, c]; a row of tokens is [n, 1, tokens, c]. What runs from
 * layer to layer is float32; what only the next product will read may be bfloat16 (matrix_reads()), or bytes
 * (matrices_read()). */

#include <stddef.h>
#include <stdint.h>

typedef enum TensorType {
        TENSOR_F32,
        TENSOR_BF16,
        TENSOR_BYTES,
} TensorType;

typedef struct Tensor {
        uint32_t n, h, w, c;
        float *data; /* n * h * w * c numbers, 64-byte aligned; who makes the tensor says who owns them. Floats, or for
                        TENSOR_BF16 uint16_t, for TENSOR_BYTES uint8_t: tensor_at() */
        TensorType type;
        struct ByteScale *scales; /* TENSOR_BYTES: what the bytes of each row stand for (kernels.h) */
} Tensor;

static inline size_t tensor_elements(const Tensor *t)
{
        return (size_t)t->n * t->h * t->w * t->c;
}

static inline size_t tensor_rows(const Tensor *t)
{
        return (size_t)t->n * t->h * t->w;
}

/* Bytes of a number. */
static inline size_t tensor_element(const Tensor *t)
{
        switch (t->type) {
        case TENSOR_BF16:
                return sizeof(uint16_t);
        case TENSOR_BYTES:
                return sizeof(uint8_t);
        default:
                return sizeof(float);
        }
}

/* The number at that place, whatever its type. */
static inline void *tensor_at(const Tensor *t, size_t i)
{
        return (char *)t->data + i * tensor_element(t);
}

/* One of the n alone. */
static inline Tensor tensor_picture(const Tensor *t, uint32_t i)
{
        Tensor one = *t;

        one.n = 1;
        if (one.data)
                one.data = tensor_at(t, i * tensor_elements(&one));
        return one;
}

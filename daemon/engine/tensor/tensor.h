/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Activations: float32, channels last. A picture or latents are [n, h, w, c]; a row of tokens is [n, 1,
 * tokens, c]. */

#include <stddef.h>
#include <stdint.h>

typedef struct Tensor {
        uint32_t n, h, w, c;
        float *data; /* n * h * w * c floats, 64-byte aligned; who makes the tensor says who owns them */
} Tensor;

static inline size_t tensor_elements(const Tensor *t)
{
        return (size_t)t->n * t->h * t->w * t->c;
}

static inline size_t tensor_rows(const Tensor *t)
{
        return (size_t)t->n * t->h * t->w;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The left side of a product, in the elements that it multiplies: a tensor where it lies, or a copy of it in bfloat16 or
 * bytes. */

#include "engine/kernels/kernels.h"
#include "engine/tensor/compute.h"

typedef struct Operand {
        const char *data;
        size_t stride; /* bytes from one row to the next */
        const char *beyond; /* rows that are all zero, one for each picture */
        size_t beyond_stride;
        ByteScale *scales; /* of bytes, NULL otherwise: one for each row, or for each picture */
        bool by_picture;
} Operand;

/* x as `products` want it; in the arena, but for x itself. by_picture: bytes get one scale for each of the n, so that rows
 * may be summed over; otherwise one for each row. */
Operand operand_of(Compute *c, const Kernels *kernels, const Products *products, const Tensor *x, bool by_picture);

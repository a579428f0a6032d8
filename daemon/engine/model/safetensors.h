/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A file of tensors, mapped read-only: .safetensors, or GGUF (gguf.c), which is held alike. The file may be truncated,
 * lying or hostile: every offset, shape and size was checked against the file before it is opened. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

#define TENSOR_DIMS_MAX 8

typedef enum DType {
        DTYPE_F32,
        DTYPE_F16,
        DTYPE_BF16,
        DTYPE_I64,
        DTYPE_I32,
        DTYPE_U8,
        DTYPE_I8,
        DTYPE_Q8_0, /* blocks of 32 with one F16 scale, of GGUF */
        DTYPE_Q4_0,
        DTYPE_MAX,
} DType;

/* The bytes of n elements; false if they are too many, or no whole blocks. */
bool dtype_bytes(DType dtype, uint64_t n, uint64_t *ret);
const char *dtype_to_string(DType dtype);

/* Returns the DType, or -1. */
int dtype_from_string(const char *name);

typedef struct StoredTensor {
        const char *name;
        DType dtype;
        uint32_t n_dims;
        uint64_t shape[TENSOR_DIMS_MAX];
        uint64_t n_elements;
        const void *data; /* may be unaligned for its type; valid as long as the Safetensors */
        /* Of 8-bit weights: what each row of the first dimension is to be multiplied by, the tensor NAME.scale
         * (shape[0] numbers of F32, perhaps unaligned). NULL where there is none. */
        const void *scales;
        bool made; /* of what the file has, in memory of its own: what leaves that is lost */
} StoredTensor;

typedef struct Safetensors Safetensors;

/* -ENOENT, -EBADMSG (broken), -EOPNOTSUPP (a dtype we do not know), -ENOMEM. */
int safetensors_open(Safetensors **ret, const char *path, Error *error);
Safetensors *safetensors_free(Safetensors *file);
DEFINE_CLEANUP(Safetensors *, safetensors_free)

/* The same for GGUF, versions 2 and 3, with tensors that are F32, F16, BF16, Q8_0, Q4_0 or whole numbers. */
int gguf_open(Safetensors **ret, const char *path, Error *error);

/* Whichever of them it is by its first bytes. -EOPNOTSUPP for pickles (.ckpt, .pt, .bin), which can hold programs. */
int tensor_file_open(Safetensors **ret, const char *path, Error *error);

/* NULL if there is none of that name. */
const StoredTensor *safetensors_find(const Safetensors *file, const char *name);

size_t safetensors_count(const Safetensors *file);
const StoredTensor *safetensors_at(const Safetensors *file, size_t i);

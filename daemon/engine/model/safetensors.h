/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A .safetensors file, mapped read-only. The file may be truncated, lying or hostile: every offset, shape
 * and size was checked against the file and against the others before safetensors_open returns. */

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
        DTYPE_MAX,
} DType;

size_t dtype_size(DType dtype);
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
} StoredTensor;

typedef struct Safetensors Safetensors;

/* -ENOENT, -EBADMSG (broken), -EOPNOTSUPP (a dtype we do not know), -ENOMEM. */
int safetensors_open(Safetensors **ret, const char *path, Error *error);
Safetensors *safetensors_free(Safetensors *file);
DEFINE_CLEANUP(Safetensors *, safetensors_free)

/* NULL if there is none of that name. */
const StoredTensor *safetensors_find(const Safetensors *file, const char *name);

size_t safetensors_count(const Safetensors *file);
const StoredTensor *safetensors_at(const Safetensors *file, size_t i);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "engine/model/weights.h"

#define KEY_MAX 256
#define SHAPE_TEXT_MAX 128

struct Weights {
        char *path;
        Safetensors *file;
};

int weights_open(Weights **ret, const char *path, Error *error)
{
        _cleanup_(weights_freep) Weights *weights = calloc(1, sizeof(*weights));
        if (!weights || !(weights->path = strdup(path)))
                return error_set(error, -ENOMEM, "%s: out of memory", path);

        int r = safetensors_open(&weights->file, path, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(weights);
        return 0;
}

Weights *weights_free(Weights *weights)
{
        if (!weights)
                return NULL;
        safetensors_free(weights->file);
        free(weights->path);
        free(weights);
        return NULL;
}

/* "[320, 4, 3, 3]" */
static void format_shape(const uint64_t *shape, uint32_t n_dims, char ret[static SHAPE_TEXT_MAX])
{
        size_t n = 1;

        ret[0] = '[';
        for (uint32_t i = 0; i < n_dims && n < SHAPE_TEXT_MAX - 24; i++)
                n += (size_t)snprintf(ret + n, SHAPE_TEXT_MAX - n, i > 0 ? ", %" PRIu64 : "%" PRIu64,
                                      shape[i]);
        (void)snprintf(ret + n, SHAPE_TEXT_MAX - n, "]");
}

static bool is_float(DType dtype)
{
        return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

static bool shape_equals(const StoredTensor *t, const uint64_t *shape, uint32_t n_dims)
{
        return t->n_dims == n_dims && memcmp(t->shape, shape, n_dims * sizeof(*shape)) == 0;
}

int weights_find(const Weights *weights, const StoredTensor **ret, const uint64_t *shape, uint32_t n_dims,
                 Error *error, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list ap;
        va_start(ap, key_format);
        (void)vsnprintf(key, sizeof(key), key_format, ap);
        va_end(ap);

        const StoredTensor *t = safetensors_find(weights->file, key);
        if (!t)
                return error_set(error, -ENOENT, "%s: no tensor \"%s\"", weights->path, key);
        if (!is_float(t->dtype))
                return error_set(error, -EBADMSG, "%s: tensor \"%s\" has dtype %s, not a float one",
                                 weights->path, key, dtype_to_string(t->dtype));
        if (!shape_equals(t, shape, n_dims)) {
                char found[SHAPE_TEXT_MAX], wanted[SHAPE_TEXT_MAX];
                format_shape(t->shape, t->n_dims, found);
                format_shape(shape, n_dims, wanted);
                return error_set(error, -EBADMSG, "%s: tensor \"%s\" has shape %s, not %s", weights->path,
                                 key, found, wanted);
        }
        *ret = t;
        return 0;
}

bool weights_has(const Weights *weights, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list ap;
        va_start(ap, key_format);
        (void)vsnprintf(key, sizeof(key), key_format, ap);
        va_end(ap);

        return safetensors_find(weights->file, key);
}

uint64_t weights_parameters(const Weights *weights)
{
        uint64_t n = 0;

        for (size_t i = 0; i < safetensors_count(weights->file); i++)
                n += safetensors_at(weights->file, i)->n_elements;
        return n;
}

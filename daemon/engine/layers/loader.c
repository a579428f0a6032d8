/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "engine/layers/loader.h"

Arena *loader_arena_new(const Weights *weights)
{
        uint64_t parameters = weights_parameters(weights);
        return arena_new(parameters + parameters / 64);
}

static void fail(Loader *loader, int r)
{
        if (loader->r == 0)
                loader->r = r;
}

static void fail_memory(Loader *loader)
{
        fail(loader, error_set(loader->error, -ENOMEM, "Not enough memory for the model's weights"));
}

static const StoredTensor *
find(Loader *loader, const uint64_t *shape, uint32_t n_dims, const char *key, const char *suffix)
{
        const StoredTensor *tensor = NULL;
        if (loader->r == 0)
                fail(loader, weights_find(loader->weights, &tensor, shape, n_dims, loader->error, "%s.%s", key, suffix));
        return loader->r == 0 ? tensor : NULL;
}

/* The numbers as floats: as they lie in the file if that is what they are, else converted into *ret_memory. */
static const float *floats_of(Loader *loader, const StoredTensor *tensor, float **ret_memory)
{
        if (tensor->dtype == DTYPE_F32 && (uintptr_t)tensor->data % _Alignof(float) == 0)
                return tensor->data;

        float *memory = calloc(tensor->n_elements, sizeof *memory);
        if (!memory) {
                fail_memory(loader);
                return NULL;
        }
        stored_tensor_to_f32(tensor, memory);
        *ret_memory = memory;
        return memory;
}

/* What was packed is not needed again: its pages may leave memory (they are the file's own). */
static void forget_pages(const StoredTensor *tensor)
{
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)tensor->data;
        const uintptr_t begin = (data + page - 1) / page * page;
        const uintptr_t end = (data + tensor->n_elements * dtype_size(tensor->dtype)) / page * page;

        if (end > begin)
                (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static float *load_vector(Loader *loader, uint32_t n, const char *key, const char *suffix)
{
        const StoredTensor *tensor = find(loader, (uint64_t[]) { n }, 1, key, suffix);
        float *ret = tensor ? arena_alloc(loader->arena, n) : NULL;

        if (tensor && !ret)
                fail_memory(loader);
        if (ret)
                stored_tensor_to_f32(tensor, ret);
        return ret;
}

static const StoredTensor *find_weight(Loader *loader, LayerKind kind, uint32_t in, uint32_t out, const char *key)
{
        switch (kind) {
        case LAYER_CONV1:
                return find(loader, (uint64_t[]) { out, in, 1, 1 }, 4, key, "weight");
        case LAYER_CONV3:
                return find(loader, (uint64_t[]) { out, in, 3, 3 }, 4, key, "weight");
        case LAYER_GEGLU:
                return find(loader, (uint64_t[]) { 2 * (uint64_t)out, in }, 2, key, "weight");
        case LAYER_POINTWISE: {
                const StoredTensor *tensor = NULL;
                if (loader->r == 0 && weights_find(loader->weights, &tensor, (uint64_t[]) { out, in, 1, 1 }, 4, NULL,
                                                   "%s.weight", key) == 0)
                        return tensor;
                break;
        }
        default:
                break;
        }
        return find(loader, (uint64_t[]) { out, in }, 2, key, "weight");
}

static void load_matrix_at(Loader *loader, Matrix *ret, LayerKind flags, uint32_t in, uint32_t out, const char *key)
{
        const LayerKind kind = flags & LAYER_KIND_MASK;
        const bool gated = kind == LAYER_GEGLU;
        const StoredTensor *weight = find_weight(loader, kind, in, out, key), *bias = NULL;
        _cleanup_(freep) float *weight_memory = NULL, *bias_memory = NULL;

        if (!(flags & LAYER_NO_BIAS))
                bias = find(loader, (uint64_t[]) { (gated ? 2 : 1) * (uint64_t)out }, 1, key, "bias");
        if (loader->r < 0)
                return;

        const float *w = floats_of(loader, weight, &weight_memory);
        const float *b = bias ? floats_of(loader, bias, &bias_memory) : NULL;
        if (loader->r < 0)
                return;
        if (!matrix_pack(ret, loader->arena, out, in, kind == LAYER_CONV3 ? 9 : 1, gated, w, b)) {
                fail_memory(loader);
                return;
        }
        forget_pages(weight);
}

void load_matrix(
                Loader *loader, Matrix *ret, LayerKind kind, uint32_t in, uint32_t out, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r == 0)
                load_matrix_at(loader, ret, kind, in, out, key);
}

void load_norm(Loader *loader, Norm *ret, uint32_t channels, uint32_t groups, float eps, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r < 0)
                return;
        if (groups == 0 || channels % groups != 0) {
                fail(loader, error_set(loader->error, -EBADMSG, "%s: %u channels do not divide into %u groups", key,
                                       channels, groups));
                return;
        }
        *ret = (Norm) {
                .channels = channels,
                .groups = groups,
                .eps = eps,
                .gamma = load_vector(loader, channels, key, "weight"),
                .beta = load_vector(loader, channels, key, "bias"),
        };
}

void *load_array(Loader *loader, size_t n, size_t size)
{
        void *ret = NULL;

        if (loader->r < 0)
                return NULL;
        if (__builtin_mul_overflow(n, size, &size) || !(ret = arena_alloc(loader->arena, size / sizeof(float) + 1))) {
                fail_memory(loader);
                return NULL;
        }
        return memset(ret, 0, size);
}

float *load_table(Loader *loader, uint32_t rows, uint32_t columns, const char *key_format, ...)
{
        const StoredTensor *tensor = NULL;
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r == 0)
                fail(loader, weights_find(loader->weights, &tensor, (uint64_t[]) { rows, columns }, 2, loader->error,
                                          "%s", key));
        float *ret = loader->r == 0 ? arena_alloc(loader->arena, (size_t)rows * columns) : NULL;
        if (loader->r == 0 && !ret)
                fail_memory(loader);
        if (!ret)
                return NULL;
        stored_tensor_to_f32(tensor, ret);
        forget_pages(tensor);
        return ret;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "engine/layers/loader.h"

Arena *loader_arena_new(const Weights *weights)
{
        return arena_new(weights_parameters(weights));
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

/* Where packed weights go: into the network's own memory, or what is kept for the next load. */
static Arena *packed(const Loader *loader)
{
        const Pack *pack = weights_packing(loader->weights).pack;
        return pack && pack_arena(pack) ? pack_arena(pack) : loader->arena;
}

/* Whether they are there since an earlier load. */
static bool is_packed(const Loader *loader)
{
        return arena_is_filled(packed(loader));
}

static const StoredTensor *find(
                Loader *loader, const uint64_t *shape, uint32_t n_dims, const char *key, const char *suffix)
{
        const StoredTensor *tensor = NULL;
        if (loader->r == 0)
                fail(loader, weights_find(loader->weights, &tensor, shape, n_dims, loader->error, "%s.%s",
                                          key, suffix));
        return loader->r == 0 ? tensor : NULL;
}

static WeightType weight_type(const StoredTensor *tensor)
{
        switch (tensor->dtype) {
        case DTYPE_F16:
                return WEIGHT_F16;
        case DTYPE_BF16:
                return WEIGHT_BF16;
        case DTYPE_Q8_0:
                return WEIGHT_Q8_0;
        case DTYPE_Q4_0:
                return WEIGHT_Q4_0;
        default:
                return WEIGHT_F32;
        }
}

/* The weights as they lie in the file; copied into *ret_memory only if they are of another type or not
 * aligned. NULL if there is no memory. */
static const void *weights_of(const StoredTensor *tensor, void **ret_memory)
{
        const WeightType type = weight_type(tensor);
        const bool as_stored = type != WEIGHT_F32 || tensor->dtype == DTYPE_F32;
        const size_t size = weight_bytes(type, tensor->n_elements);

        if (as_stored && (weight_has_blocks(type) || (uintptr_t)tensor->data % weight_bytes(type, 1) == 0))
                return tensor->data;

        void *memory = malloc(size);
        if (!memory)
                return NULL;
        if (as_stored)
                memcpy(memory, tensor->data, size);
        else
                stored_tensor_to_f32(tensor, memory);
        return *ret_memory = memory;
}

/* What was packed is not needed again: its pages may leave memory, if they are the file's own, which brings them back. */
static void forget_pages(const StoredTensor *tensor)
{
        if (tensor->made)
                return;

        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)tensor->data;
        const uintptr_t begin = (data + page - 1) / page * page;
        uint64_t bytes = 0;
        (void)dtype_bytes(tensor->dtype, tensor->n_elements, &bytes);
        const uintptr_t end = (data + bytes) / page * page;

        if (end > begin)
                (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* Small, and wanted between the large: so they are read at each load, into memory of their own. */
static float *load_vector_at(Loader *loader, uint32_t n, const char *key, const char *suffix)
{
        const size_t whole = ((size_t)n + KERNELS_LANES_MAX - 1) / KERNELS_LANES_MAX * KERNELS_LANES_MAX;
        const StoredTensor *tensor = find(loader, (uint64_t[]) { n }, 1, key, suffix);
        float *ret = tensor ? arena_alloc(loader->arena, whole) : NULL;

        if (tensor && !ret)
                fail_memory(loader);
        if (ret) {
                memset(ret + n, 0, (whole - n) * sizeof *ret);
                stored_tensor_to_f32(tensor, ret);
        }
        return ret;
}

float *load_vector(Loader *loader, uint32_t n, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        return load_vector_at(loader, n, key, "weight");
}

static const StoredTensor *find_weight(
                Loader *loader, LayerKind kind, uint32_t in, uint32_t out, const char *key)
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
                if (loader->r == 0 && weights_find(loader->weights, &tensor, (uint64_t[]) { out, in, 1, 1 },
                                                   4, NULL, "%s.weight", key) == 0)
                        return tensor;
                break;
        }
        default:
                break;
        }
        return find(loader, (uint64_t[]) { out, in }, 2, key, "weight");
}

void matrices_done(Matrices *matrices)
{
        for (size_t i = 0; i < matrices->n; i++)
                free(matrices->items[i].key);
        free(matrices->items);
        *matrices = (Matrices) {};
}

static void note_matrix(Loader *loader, const char *key, Matrix *matrix)
{
        Matrices *all = loader->matrices;
        if (!all || loader->r < 0)
                return;

        NamedMatrix *items = reallocarray(all->items, all->n + 1, sizeof *items);
        if (items)
                all->items = items;
        char *copy = items ? strdup(key) : NULL;
        if (!copy) {
                fail_memory(loader);
                return;
        }
        all->items[all->n++] = (NamedMatrix) { .key = copy, .matrix = matrix };
}

/* A matrix that is laid out and to be filled. */
typedef struct Filling {
        Matrix matrix;
        MatrixSource source;
        const StoredTensor *weight;
        Pack *pack; /* NULL, or where it is kept then, with all that lies before it */
        PackPlace end;
} Filling;

static bool fill_matrix(void *userdata)
{
        Filling *f = userdata;
        _cleanup_(freep) void *memory = NULL;
        MatrixSource source = f->source;

        source.weights = weights_of(f->weight, &memory);
        if (!source.weights || !matrix_fill(&f->matrix, &source))
                return false;
        forget_pages(f->weight);
        return true;
}

static int keep_matrix(void *userdata)
{
        const Filling *f = userdata;

        if (f->pack)
                pack_settle(f->pack, &f->end);
        return 0;
}

/* Later, if there is somebody who does it. */
static void fill_later(Loader *loader, Matrix *matrix, const MatrixSource *source, const StoredTensor *weight)
{
        const TaskKind kind = { .run = fill_matrix, .after = keep_matrix, .done = free };
        const Packing packing = weights_packing(loader->weights);
        Filling *f = malloc(sizeof *f);

        if (f) {
                *f = (Filling) { .matrix = *matrix, .source = *source, .weight = weight };
                if (packing.pack && pack_arena(packing.pack)) {
                        f->pack = packing.pack;
                        f->end = pack_place(packing.pack);
                }
                if (packing.backlog) {
                        matrix->task = backlog_add(packing.backlog, &kind, f);
                        if (!matrix->task)
                                fail_memory(loader);
                        return;
                }
        }
        if (!f || !fill_matrix(f))
                fail_memory(loader);
        free(f);
}

static void load_matrix_at(
                Loader *loader, Matrix *ret, LayerKind flags, uint32_t in, uint32_t out, const char *key)
{
        const LayerKind kind = flags & LAYER_KIND_MASK;
        const StoredTensor *weight = find_weight(loader, kind, in, out, key), *bias = NULL;
        MatrixSource source = {
                .precision = flags & LAYER_FLOATS ? PRECISION_F32 : loader->precision,
                .n = out, .k = in, .taps = kind == LAYER_CONV3 ? 9 : 1, .gated = kind == LAYER_GEGLU
        };
        _cleanup_(freep) float *bias_memory = NULL;

        if (!(flags & LAYER_NO_BIAS))
                bias = find(loader, (uint64_t[]) { (source.gated ? 2 : 1) * (uint64_t)out }, 1, key, "bias");
        if (loader->r < 0)
                return;

        source.type = weight_type(weight);
        if (bias && !(bias_memory = calloc(bias->n_elements, sizeof *bias_memory)))
                fail_memory(loader);
        if (loader->r < 0)
                return;
        if (bias)
                stored_tensor_to_f32(bias, bias_memory);
        source.bias = bias_memory;

        if (!matrix_lay_out(ret, packed(loader), loader->arena, &source))
                fail_memory(loader);
        source.bias = NULL;
        if (loader->r == 0 && !is_packed(loader))
                fill_later(loader, ret, &source, weight);
        note_matrix(loader, key, ret);
}

void load_matrix(
                Loader *loader, Matrix *ret, LayerKind kind, uint32_t in, uint32_t out,
                const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r == 0)
                load_matrix_at(loader, ret, kind, in, out, key);
}

void load_norm(Loader *loader, Norm *ret, uint32_t channels, uint32_t groups, float eps,
               const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r < 0)
                return;
        if (groups == 0 || channels % groups != 0) {
                fail(loader,
                     error_set(loader->error, -EBADMSG, "%s: %u channels do not divide into %u groups", key,
                               channels, groups));
                return;
        }
        *ret = (Norm) {
                .channels = channels,
                .groups = groups,
                .eps = eps,
                .gamma = load_vector_at(loader, channels, key, "weight"),
                .beta = load_vector_at(loader, channels, key, "bias"),
        };
}

void *load_array(Loader *loader, size_t n, size_t size)
{
        void *ret = NULL;

        if (loader->r < 0)
                return NULL;
        if (__builtin_mul_overflow(n, size, &size) ||
            !(ret = arena_alloc(loader->arena, size / sizeof(float) + 1))) {
                fail_memory(loader);
                return NULL;
        }
        return memset(ret, 0, size);
}

/* The tensor's weights, in the arena. NULL after an error. */
static const void *load_weights(Loader *loader, const StoredTensor *tensor)
{
        const size_t size = weight_bytes(weight_type(tensor), tensor->n_elements);
        _cleanup_(freep) void *memory = NULL;
        float *ret = arena_alloc(packed(loader), (size + sizeof *ret - 1) / sizeof *ret);

        if (!ret)
                fail_memory(loader);
        if (!ret || is_packed(loader))
                return ret;
        const void *weights = weights_of(tensor, &memory);
        if (!weights) {
                fail_memory(loader);
                return NULL;
        }
        memcpy(ret, weights, size);
        forget_pages(tensor);
        return ret;
}

void load_table(Loader *loader, Table *ret, uint32_t rows, uint32_t columns, const char *key_format, ...)
{
        const StoredTensor *tensor = NULL;
        char key[KEY_MAX];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);
        if (loader->r == 0)
                fail(loader, weights_find(loader->weights, &tensor, (uint64_t[]) { rows, columns }, 2,
                                          loader->error, "%s", key));
        if (loader->r < 0 || !tensor)
                return;
        *ret = (Table) { .type = weight_type(tensor), .columns = columns, .data = load_weights(loader, tensor) };
}

void table_row(const Table *table, size_t row, float *ret)
{
        const char *from = (const char *)table->data + weight_bytes(table->type, row * table->columns);

        kernels_get()->widen(ret, from, table->columns, table->type);
}

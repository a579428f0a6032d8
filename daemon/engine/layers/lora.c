/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/layers/lora.h"
#include "engine/model/original-names.h"

#define NAME_MAX_SIZE 512
#define RANK_MAX 4096
#define ADAPTERS_MAX 16 /* at one matrix */

typedef struct Applied {
        struct Applied *next;
        Adapter adapter;
        Matrix *matrix;
} Applied;

struct LoraSet {
        Arena *arena;
        Applied *applied;
};

LoraSet *lora_set_new(void)
{
        LoraSet *set = calloc(1, sizeof *set);
        if (set && !(set->arena = arena_new(0))) {
                free(set);
                return NULL;
        }
        return set;
}

LoraSet *lora_set_free(LoraSet *set)
{
        if (!set)
                return NULL;
        for (Applied *a = set->applied, *next; a; a = next) {
                next = a->next;
                a->matrix->adapters = NULL;
                free(a);
        }
        (void)arena_free(set->arena);
        free(set);
        return NULL;
}

/* How the two halves are called; to_out is a list with one matrix in it. */
static const struct {
        const char *down, *up;
} ends[] = {
        { ".lora_down.weight", ".lora_up.weight" },
        { ".lora_A.weight", ".lora_B.weight" },
        { ".lora.down.weight", ".lora.up.weight" },
        { ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight" },
        { "_lora.down.weight", "_lora.up.weight" },
};

static bool ends_with(const char *text, const char *end, size_t *ret_stem)
{
        const size_t length = strlen(text), n = strlen(end);

        if (length <= n || !streq(text + length - n, end))
                return false;
        *ret_stem = length - n;
        return true;
}

/* A key with "_" for ".", as kohya's scripts write them; "processor" and lists of one left out. */
static void flatten(char *ret, size_t size, const char *key, size_t length)
{
        (void)snprintf(ret, size, "%.*s", (int)length, key);
        char *processor = strstr(ret, ".processor.");
        if (processor)
                memmove(processor + 1, processor + 11, strlen(processor + 11) + 1);
        for (char *c = ret; *c; c++)
                *c = *c == '.' ? '_' : *c;
}

static bool same_key(const char *flat, const char *key)
{
        char own[NAME_MAX_SIZE];
        size_t stem;

        flatten(own, sizeof own, key, strlen(key));
        return streq(flat, own) || (ends_with(own, "_to_out_0", &stem) && strlen(flat) == stem + 7 &&
                                    strncmp(flat, own, stem + 7) == 0);
}

static bool same_original_key(const UNetConfig *unet, const char *flat, const char *key)
{
        const KeyMap map = { .layout = KEYS_UNET, .unet = unet };
        OriginalKey original;
        char whole[NAME_MAX_SIZE];

        (void)snprintf(whole, sizeof whole, "%s.weight", key);
        if (!original_key(&map, whole, &original))
                return false;
        original.name[strlen(original.name) - strlen(".weight")] = '\0';
        return same_key(flat, original.name);
}

static Matrix *find_matrix(const LoraTarget *targets, size_t n, const char *stem, size_t length)
{
        char flat[NAME_MAX_SIZE];

        for (size_t t = 0; t < n; t++)
                for (size_t p = 0; p < ELEMENTSOF(targets[t].prefixes) && targets[t].prefixes[p]; p++) {
                        const char *prefix = targets[t].prefixes[p];
                        const size_t skip = strlen(prefix);

                        if (length <= skip || strncmp(stem, prefix, skip) != 0)
                                continue;
                        flatten(flat, sizeof flat, stem + skip, length - skip);
                        for (size_t i = 0; i < targets[t].matrices->n; i++) {
                                const NamedMatrix *m = &targets[t].matrices->items[i];
                                if (same_key(flat, m->key) ||
                                    (targets[t].unet && same_original_key(targets[t].unet, flat, m->key)))
                                        return m->matrix;
                        }
                }
        return NULL;
}

static float *floats_of(const StoredTensor *t)
{
        float *ret = t->n_elements < SIZE_MAX / sizeof(float) ? malloc((t->n_elements + 1) * sizeof *ret) : NULL;
        if (ret)
                stored_tensor_to_f32(t, ret);
        return ret;
}

/* Down: [rank, k] with as many taps as the matrix; up: [columns, rank]. */
static bool halves_fit(const Matrix *m, const StoredTensor *down, const StoredTensor *up)
{
        const uint64_t rank = down->n_dims >= 2 ? down->shape[0] : 0, columns = (uint64_t)m->n * (m->gated ? 2 : 1);

        return rank > 0 && rank <= RANK_MAX && up->n_dims >= 2 && down->shape[1] == m->k && up->shape[0] == columns &&
               up->shape[1] == rank && down->n_elements == rank * m->k * m->taps && up->n_elements == columns * rank;
}

static int adapt(LoraSet *set, Matrix *matrix, const StoredTensor *down, const StoredTensor *up, double scale)
{
        _cleanup_(freep) float *down_values = floats_of(down), *up_values = floats_of(up);
        Applied *applied = calloc(1, sizeof *applied);
        if (!down_values || !up_values || !applied) {
                free(applied);
                return -ENOMEM;
        }

        for (uint64_t i = 0; i < up->n_elements; i++)
                up_values[i] = (float)((double)up_values[i] * scale);
        const bool floats = matrix->products->precision == PRECISION_F32;
        const MatrixSource first = { .precision = floats ? PRECISION_F32 : PRECISION_BF16, .n = (uint32_t)down->shape[0], .k = matrix->k, .taps = matrix->taps,
                                     .type = WEIGHT_F32, .weights = down_values };
        const MatrixSource second = { .n = matrix->n, .k = (uint32_t)down->shape[0], .taps = 1, .gated = matrix->gated,
                                      .type = WEIGHT_F32, .weights = up_values };
        if (!matrix_pack(&applied->adapter.down, set->arena, &first) ||
            !matrix_pack(&applied->adapter.up, set->arena, &second)) {
                free(applied);
                return -ENOMEM;
        }
        applied->matrix = matrix;
        applied->adapter.next = matrix->adapters;
        matrix->adapters = &applied->adapter;
        applied->next = set->applied;
        set->applied = applied;
        return 0;
}

static bool is_full(const Matrix *matrix)
{
        size_t n = 0;

        for (const Adapter *a = matrix->adapters; a; a = a->next)
                n++;
        return n >= ADAPTERS_MAX;
}

/* alpha / rank, times the weight; without an alpha it is the rank. */
static bool scale_of(const Safetensors *file, const char *stem, size_t length, uint64_t rank, double weight, double *ret)
{
        char name[NAME_MAX_SIZE];
        float alpha = (float)rank;

        (void)snprintf(name, sizeof name, "%.*s.alpha", (int)length, stem);
        const StoredTensor *t = safetensors_find(file, name);
        if (t && t->n_elements != 1)
                return false;
        if (t)
                stored_tensor_to_f32(t, &alpha);
        *ret = (double)alpha / (double)rank * weight;
        return isfinite(*ret);
}

static int apply_one(LoraSet *set, const Safetensors *file, const char *path, const StoredTensor *down, size_t end,
                     size_t length, double weight, const LoraTarget *targets, size_t n, Error *error)
{
        char name[NAME_MAX_SIZE];
        double scale;

        (void)snprintf(name, sizeof name, "%.*s%s", (int)length, down->name, ends[end].up);
        const StoredTensor *up = safetensors_find(file, name);
        Matrix *matrix = find_matrix(targets, n, down->name, length);
        if (!up)
                return error_set(error, -EBADMSG, "%s: no tensor \"%.100s\"", path, name);
        if (!matrix)
                return error_set(error, -EOPNOTSUPP, "%s: an adapter for another model: it has no \"%.*s\"", path,
                                 (int)MIN(length, (size_t)100), down->name);
        if (!halves_fit(matrix, down, up) || !scale_of(file, down->name, length, down->shape[0], weight, &scale))
                return error_set(error, -EBADMSG, "%s: tensor \"%.100s\" does not fit the model", path, down->name);
        if (is_full(matrix))
                return error_set(error, -EOPNOTSUPP, "%s: more than %d adapters at once are not supported", path,
                                 ADAPTERS_MAX);
        int r = adapt(set, matrix, down, up, scale);
        return r < 0 ? error_set(error, r, "%s: out of memory", path) : 0;
}

/* What a tensor that is no half of an adapter may be. */
static bool is_known(const char *name)
{
        size_t stem;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (ends_with(name, ends[i].up, &stem))
                        return true;
        return ends_with(name, ".alpha", &stem);
}

int lora_apply(LoraSet *set, const char *path, double weight, const LoraTarget *targets, size_t n, Error *error)
{
        _cleanup_(safetensors_freep) Safetensors *file = NULL;
        size_t applied = 0;
        int r = tensor_file_open(&file, path, error);

        for (size_t i = 0; r >= 0 && i < safetensors_count(file); i++) {
                const StoredTensor *t = safetensors_at(file, i);
                size_t end = 0, length = 0;

                while (end < ELEMENTSOF(ends) && !ends_with(t->name, ends[end].down, &length))
                        end++;
                if (strlen(t->name) > NAME_MAX_SIZE / 2)
                        r = error_set(error, -EBADMSG, "%s: a tensor's name is too long", path);
                else if (end < ELEMENTSOF(ends))
                        r = apply_one(set, file, path, t, end, length, weight, targets, n, error);
                else if (!is_known(t->name))
                        r = error_set(error, -EOPNOTSUPP, "%s: \"%.100s\" belongs to no adapter of a kind that is supported",
                                      path, t->name);
                applied += r >= 0 && end < ELEMENTSOF(ends);
        }
        if (r >= 0 && applied == 0)
                return error_set(error, -EBADMSG, "%s: no adapter is in it", path);
        return r;
}

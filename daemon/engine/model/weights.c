/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/view.h"
#include "engine/model/weights.h"

#define KEY_MAX 256
#define SHAPE_TEXT_MAX 128

#define INDEX_SIZE_MAX (16U << 20)
#define FILES_MAX 256

struct Weights {
        char *path; /* of the one file, or of the index */
        Safetensors *files[FILES_MAX];
        size_t n_files;
        const Safetensors *whole; /* of which this is a component, in place of the files */
        KeyMap map;
        View *views; /* grow by use, which changes nothing that can be seen */
        Packing packing;
};

static int weights_new(Weights **ret, const char *path, Error *error)
{
        _cleanup_(weights_freep) Weights *weights = calloc(1, sizeof(*weights));
        if (!weights || !(weights->path = strdup(path)))
                return error_set(error, -ENOMEM, "%s: out of memory", path);

        *ret = TAKE_PTR(weights);
        return 0;
}

int weights_open(Weights **ret, const char *path, Error *error)
{
        _cleanup_(weights_freep) Weights *weights = NULL;
        int r = weights_new(&weights, path, error);
        if (r < 0)
                return r;
        r = tensor_file_open(&weights->files[weights->n_files], path, error);
        if (r < 0)
                return r;
        weights->n_files++;

        *ret = TAKE_PTR(weights);
        return 0;
}

int weights_open_view(Weights **ret, const Safetensors *file, const char *path, const KeyMap *map, Error *error)
{
        Weights *weights = NULL;
        int r = weights_new(&weights, path, error);
        if (r < 0)
                return r;

        weights->whole = file;
        weights->map = *map;
        *ret = weights;
        return 0;
}

/* A file of the index's own folder, opened at its first mention. opened: {NAME: number in weights->files}. */
static int open_shard(Weights *weights, json_t *opened, const char *name, const Safetensors **ret, Error *error)
{
        const json_t *number = json_object_get(opened, name);
        const char *slash = strrchr(weights->path, '/');
        _cleanup_(freep) char *path = NULL;

        if (number) {
                *ret = weights->files[json_integer_value(number)];
                return 0;
        }
        if (name[0] == '.' || strchr(name, '/'))
                return error_set(error, -EBADMSG, "%s: \"%.100s\" is not a file of its folder", weights->path, name);
        if (weights->n_files == FILES_MAX)
                return error_set(error, -EBADMSG, "%s: more than %d files", weights->path, FILES_MAX);
        if (asprintf(&path, "%.*s%s", slash ? (int)(slash + 1 - weights->path) : 0, weights->path, name) < 0 ||
            json_object_set_new(opened, name, json_integer((json_int_t)weights->n_files)) < 0)
                return error_set(error, -ENOMEM, "%s: out of memory", weights->path);

        Safetensors **file = &weights->files[weights->n_files];
        int r = safetensors_open(file, path, error);
        if (r < 0)
                return r;
        weights->n_files++;
        *ret = *file;
        return 0;
}

static int open_shards(Weights *weights, json_t *map, json_t *opened, Error *error)
{
        const char *key;
        json_t *value;

        json_object_foreach (map, key, value) {
                const Safetensors *file = NULL;
                const char *name = json_string_value(value);
                if (!name)
                        return error_set(error, -EBADMSG, "%s: \"%.100s\" names no file", weights->path, key);
                int r = open_shard(weights, opened, name, &file, error);
                if (r < 0)
                        return r;
                if (!safetensors_find(file, key))
                        return error_set(error, -EBADMSG, "%s: no tensor \"%.100s\" in %.60s", weights->path, key,
                                         name);
        }
        return weights->n_files > 0 ? 0 : error_set(error, -EBADMSG, "%s: names no files", weights->path);
}

int weights_open_index(Weights **ret, const char *path, Error *error)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        _cleanup_(weights_freep) Weights *weights = NULL;
        int r;

        if ((r = weights_new(&weights, path, error)) < 0 ||
            (r = mapped_file_open(&file, path, INDEX_SIZE_MAX, error)) < 0)
                return r;

        json_error_t json_error;
        json_t *root = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &json_error);
        json_t *map = json_object_get(root, "weight_map"), *opened = json_object();
        if (!root)
                r = error_set(error, -EBADMSG, "%s: line %d: %s", path, json_error.line, json_error.text);
        else if (!json_is_object(map) || !opened)
                r = error_set(error, -EBADMSG, "%s: no \"weight_map\"", path);
        else
                r = open_shards(weights, map, opened, error);
        json_decref(opened);
        json_decref(root);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(weights);
        return 0;
}

Weights *weights_free(Weights *weights)
{
        if (!weights)
                return NULL;
        for (size_t i = 0; i < weights->n_files; i++)
                safetensors_free(weights->files[i]);
        views_free(weights->views);
        free(weights->path);
        free(weights);
        return NULL;
}

void weights_set_packing(Weights *weights, Packing packing)
{
        weights->packing = packing;
}

Packing weights_packing(const Weights *weights)
{
        return weights->packing;
}

static const StoredTensor *find_in_whole(const Weights *weights, const char *key)
{
        OriginalKey original;
        if (!original_key(&weights->map, key, &original))
                return NULL;
        const StoredTensor *tensor = safetensors_find(weights->whole, original.name);
        if (!tensor || (original.parts == 1 && !original.transposed))
                return tensor;
        return views_find(&((Weights *)weights)->views, key, tensor, &original);
}

static const StoredTensor *find(const Weights *weights, const char *key)
{
        const StoredTensor *tensor = NULL;

        if (weights->whole)
                return find_in_whole(weights, key);

        for (size_t i = 0; !tensor && i < weights->n_files; i++)
                tensor = safetensors_find(weights->files[i], key);
        return tensor;
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

static bool is_float(const StoredTensor *t)
{
        return t->dtype == DTYPE_F32 || t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16 || t->dtype == DTYPE_Q8_0 ||
               t->dtype == DTYPE_Q4_0 || t->scales;
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

        const StoredTensor *t = find(weights, key);
        if (!t)
                return error_set(error, -ENOENT, "%s: no tensor \"%s\"", weights->path, key);
        if (!is_float(t))
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

        return find(weights, key);
}

bool weights_shape(const Weights *weights, uint64_t *ret, uint32_t n_dims, const char *key_format, ...)
{
        char key[KEY_MAX];
        va_list ap;
        va_start(ap, key_format);
        (void)vsnprintf(key, sizeof(key), key_format, ap);
        va_end(ap);

        const StoredTensor *t = find(weights, key);
        if (!t || t->n_dims != n_dims)
                return false;
        memcpy(ret, t->shape, n_dims * sizeof(*ret));
        return true;
}

typedef struct Sum {
        uint64_t elements, bytes;
        uint64_t kinds[DTYPE_MAX]; /* elements */
} Sum;

static void add_file(Sum *sum, const Safetensors *file, const char *prefix)
{
        for (size_t i = 0; i < safetensors_count(file); i++) {
                const StoredTensor *t = safetensors_at(file, i);
                uint64_t bytes = 0;

                if (strncmp(t->name, prefix, strlen(prefix)) != 0 || !dtype_bytes(t->dtype, t->n_elements, &bytes))
                        continue;
                sum->elements += t->n_elements;
                sum->bytes += bytes;
                sum->kinds[t->dtype] += t->n_elements;
        }
}

static Sum sum_up(const Weights *weights)
{
        Sum sum = {};

        if (weights->whole)
                add_file(&sum, weights->whole, weights->map.prefix);
        for (size_t i = 0; i < weights->n_files; i++)
                add_file(&sum, weights->files[i], "");
        return sum;
}

uint64_t weights_parameters(const Weights *weights)
{
        return sum_up(weights).elements;
}

uint64_t weights_bytes(const Weights *weights)
{
        return sum_up(weights).bytes;
}

void weights_describe(const Weights *weights, char ret[static WEIGHTS_KINDS_MAX])
{
        const Sum sum = sum_up(weights);
        uint64_t limit = UINT64_MAX;
        size_t n = 0;

        ret[0] = '\0';
        for (int round = 0; round < DTYPE_MAX; round++) {
                int most = -1;

                for (int kind = 0; kind < DTYPE_MAX; kind++)
                        if (sum.kinds[kind] < limit && sum.kinds[kind] > sum.elements / 50 &&
                            (most < 0 || sum.kinds[kind] > sum.kinds[most]))
                                most = kind;
                if (most < 0 || n >= WEIGHTS_KINDS_MAX)
                        return;
                n += (size_t)snprintf(ret + n, WEIGHTS_KINDS_MAX - n, "%s%s", n > 0 ? ", " : "", dtype_to_string((DType)most));
                limit = sum.kinds[most];
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "engine/model/file.h"
#include "engine/model/weights.h"

#define KEY_MAX 256
#define SHAPE_TEXT_MAX 128

#define INDEX_SIZE_MAX (16U << 20)
#define FILES_MAX 256

struct Weights {
        char *path; /* of the one file, or of the index */
        Safetensors *files[FILES_MAX];
        size_t n_files;
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
        r = safetensors_open(&weights->files[weights->n_files], path, error);
        if (r < 0)
                return r;
        weights->n_files++;

        *ret = TAKE_PTR(weights);
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
        free(weights->path);
        free(weights);
        return NULL;
}

static const StoredTensor *find(const Weights *weights, const char *key)
{
        const StoredTensor *tensor = NULL;

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

        const StoredTensor *t = find(weights, key);
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

        return find(weights, key);
}

uint64_t weights_parameters(const Weights *weights)
{
        uint64_t n = 0;

        for (size_t f = 0; f < weights->n_files; f++)
                for (size_t i = 0; i < safetensors_count(weights->files[f]); i++)
                        n += safetensors_at(weights->files[f], i)->n_elements;
        return n;
}

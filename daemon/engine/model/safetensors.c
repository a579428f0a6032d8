/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/safetensors-private.h"

/* The layout (https://github.com/huggingface/safetensors): 8 bytes of header size, little endian; the
 * header, a JSON object {"NAME": {"dtype", "shape", "data_offsets": [BEGIN, END]}, …, "__metadata__": {…}};
 * then the data, which the tensors fill from first to last byte without holes or overlaps. */

#define HEADER_SIZE_MAX UINT64_C(100000000) /* as in the reference implementation */
#define PREFIX_SIZE sizeof(uint64_t)

typedef struct Entry {
        StoredTensor tensor;
        uint64_t begin, end;
} Entry;

static int bad(Error *error, const char *path, const char *name, const char *what)
{
        return error_set(error, -EBADMSG, "%s: tensor \"%.100s\": %s", path, name, what);
}

/* Reads "shape" and multiplies it out; *ret_bytes is what the tensor takes in the file. */
static int read_shape(StoredTensor *t, const json_t *shape, const char *path, uint64_t *ret_bytes,
                      Error *error)
{
        if (!json_is_array(shape) || json_array_size(shape) > TENSOR_DIMS_MAX)
                return bad(error, path, t->name, "shape is not a list of at most 8 numbers");

        t->n_dims = (uint32_t)json_array_size(shape);
        t->n_elements = 1;
        for (uint32_t i = 0; i < t->n_dims; i++) {
                const json_t *value = json_array_get(shape, i);
                if (!json_is_integer(value) || json_integer_value(value) < 0)
                        return bad(error, path, t->name, "shape holds something that is no size");

                t->shape[i] = (uint64_t)json_integer_value(value);
                if (__builtin_mul_overflow(t->n_elements, t->shape[i], &t->n_elements))
                        return bad(error, path, t->name, "shape is too large");
        }
        if (!dtype_bytes(t->dtype, t->n_elements, ret_bytes))
                return bad(error, path, t->name, "shape is too large");
        return 0;
}

static int read_offsets(Entry *entry, const json_t *offsets, const char *path, Error *error)
{
        if (!json_is_array(offsets) || json_array_size(offsets) != 2)
                return bad(error, path, entry->tensor.name, "data_offsets is not a pair of numbers");

        const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
        if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
            json_integer_value(end) < json_integer_value(begin))
                return bad(error, path, entry->tensor.name, "data_offsets is not a pair of rising offsets");

        entry->begin = (uint64_t)json_integer_value(begin);
        entry->end = (uint64_t)json_integer_value(end);
        return 0;
}

static int read_entry(Entry *entry, const char *name, const json_t *value, const char *path, Error *error)
{
        entry->tensor.name = name;

        const char *dtype = json_string_value(json_object_get(value, "dtype"));
        if (!dtype)
                return bad(error, path, name, "no dtype");
        int r = dtype_from_string(dtype);
        if (r < 0)
                return error_set(error, -EOPNOTSUPP, "%s: tensor \"%.100s\": dtype %.20s is not supported",
                                 path, name, dtype);
        entry->tensor.dtype = (DType)r;

        uint64_t bytes = 0;
        r = read_shape(&entry->tensor, json_object_get(value, "shape"), path, &bytes, error);
        if (r < 0)
                return r;
        r = read_offsets(entry, json_object_get(value, "data_offsets"), path, error);
        if (r < 0)
                return r;
        if (entry->end - entry->begin != bytes)
                return bad(error, path, name, "data_offsets do not fit dtype and shape");
        return 0;
}

static int compare_offsets(const void *a, const void *b)
{
        const Entry *x = a, *y = b;

        if (x->begin != y->begin)
                return x->begin < y->begin ? -1 : 1;
        return x->end < y->end ? -1 : x->end > y->end;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const StoredTensor *)a)->name, ((const StoredTensor *)b)->name);
}

/* The tensors must cover the data exactly: then none lies outside the file and none lies on another. */
static int check_coverage(Entry *entries, size_t n, uint64_t data_size, const char *path, Error *error)
{
        uint64_t reached = 0;

        if (n > 0)
                qsort(entries, n, sizeof(*entries), compare_offsets);
        for (size_t i = 0; i < n; i++) {
                const char *name = entries[i].tensor.name;

                if (entries[i].begin < reached)
                        return bad(error, path, name, "its data overlap another tensor's");
                if (entries[i].begin > reached)
                        return bad(error, path, name, "there is a hole before its data");
                if (entries[i].end > data_size)
                        return bad(error, path, name, "its data lie beyond the end of the file");
                reached = entries[i].end;
        }
        if (reached != data_size)
                return error_set(error, -EBADMSG, "%s: %" PRIu64 " bytes at the end belong to no tensor",
                                 path, data_size - reached);
        return 0;
}

void safetensors_sort(Safetensors *s)
{
        if (s->n_tensors > 0)
                qsort(s->tensors, s->n_tensors, sizeof(*s->tensors), compare_names);
}

/* 8-bit weights and the tensors that scale their rows. */
static int find_scales(Safetensors *s, Error *error)
{
        for (size_t i = 0; i < s->n_tensors; i++) {
                StoredTensor *t = &s->tensors[i];
                _cleanup_(freep) char *name = NULL;
                if (t->dtype != DTYPE_I8)
                        continue;
                if (asprintf(&name, "%s.scale", t->name) < 0)
                        return error_set(error, -ENOMEM, "%s: out of memory", s->path);

                const StoredTensor *scale = safetensors_find(s, name);
                if (!scale)
                        continue;
                if (scale->dtype != DTYPE_F32 || t->n_dims == 0 || scale->n_elements != t->shape[0])
                        return error_set(error, -EBADMSG, "%s: tensor \"%s\" does not fit \"%s\"", s->path, name,
                                         t->name);
                t->scales = scale->data;
        }
        return 0;
}

static int read_tensors(Safetensors *s, const uint8_t *data, uint64_t data_size, Error *error)
{
        _cleanup_(freep) Entry *entries = calloc(json_object_size(s->header) + 1, sizeof(*entries));
        s->tensors = calloc(json_object_size(s->header) + 1, sizeof(*s->tensors));
        if (!entries || !s->tensors)
                return error_set(error, -ENOMEM, "%s: out of memory", s->path);

        size_t n = 0;
        const char *name;
        json_t *value;
        json_object_foreach (s->header, name, value) {
                if (streq(name, "__metadata__"))
                        continue;
                int r = read_entry(&entries[n++], name, value, s->path, error);
                if (r < 0)
                        return r;
        }

        int r = check_coverage(entries, n, data_size, s->path, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                s->tensors[i] = entries[i].tensor;
                s->tensors[i].data = data + entries[i].begin;
        }
        s->n_tensors = n;
        safetensors_sort(s);
        return find_scales(s, error);
}

static int read_file(Safetensors *s, Error *error)
{
        if (s->file.size < PREFIX_SIZE)
                return error_set(error, -EBADMSG, "%s: too short to be a safetensors file", s->path);

        uint64_t header_size;
        memcpy(&header_size, s->file.data, sizeof(header_size));
        header_size = le64toh(header_size);
        if (header_size > HEADER_SIZE_MAX)
                return error_set(error, -EBADMSG, "%s: header of %" PRIu64 " bytes, the limit is %" PRIu64,
                                 s->path, header_size, HEADER_SIZE_MAX);
        if (header_size > s->file.size - PREFIX_SIZE)
                return error_set(error, -EBADMSG, "%s: header of %" PRIu64 " bytes in a file of %zu",
                                 s->path, header_size, s->file.size);

        const uint8_t *header = s->file.data + PREFIX_SIZE, *data = header + header_size;
        json_error_t json_error;
        s->header = json_loadb((const char *)header, (size_t)header_size, JSON_REJECT_DUPLICATES,
                               &json_error);
        if (!s->header)
                return error_set(error, -EBADMSG, "%s: header: %s", s->path, json_error.text);
        if (!json_is_object(s->header))
                return error_set(error, -EBADMSG, "%s: header: not a JSON object", s->path);

        return read_tensors(s, data, s->file.size - PREFIX_SIZE - header_size, error);
}

int tensor_file_open_as(
                Safetensors **ret, const char *path, int (*read)(Safetensors *s, Error *error), Error *error)
{
        _cleanup_(safetensors_freep) Safetensors *s = calloc(1, sizeof(*s));
        if (!s || !(s->path = strdup(path)))
                return error_set(error, -ENOMEM, "%s: out of memory", path);

        int r = mapped_file_open(&s->file, path, INT64_MAX, error);
        if (r < 0)
                return r;
        r = read(s, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

int safetensors_open(Safetensors **ret, const char *path, Error *error)
{
        return tensor_file_open_as(ret, path, read_file, error);
}

Safetensors *safetensors_free(Safetensors *s)
{
        if (!s)
                return NULL;
        free(s->tensors);
        json_decref(s->header);
        free(s->names);
        mapped_file_done(&s->file);
        free(s->path);
        free(s);
        return NULL;
}

const StoredTensor *safetensors_find(const Safetensors *s, const char *name)
{
        StoredTensor key = { .name = name };

        return s->n_tensors > 0 ? bsearch(&key, s->tensors, s->n_tensors, sizeof(key), compare_names) : NULL;
}

size_t safetensors_count(const Safetensors *s)
{
        return s->n_tensors;
}

const StoredTensor *safetensors_at(const Safetensors *s, size_t i)
{
        return i < s->n_tensors ? &s->tensors[i] : NULL;
}

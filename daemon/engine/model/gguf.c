/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/safetensors-private.h"

/* The layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), all little endian: "GGUF", version, numbers of
 * tensors and of settings; the settings, each a name, a type and a value; the tensors, each a name, its sizes (the fastest
 * first), type and offset; then, aligned, their data. */

#define TENSORS_MAX 100000
#define SETTINGS_MAX 100000
#define STRING_MAX (1U << 20)
#define DEPTH_MAX 4
#define ALIGNMENT_DEFAULT 32

enum { VALUE_U8, VALUE_I8, VALUE_U16, VALUE_I16, VALUE_U32, VALUE_I32, VALUE_F32, VALUE_BOOL, VALUE_STRING, VALUE_ARRAY,
       VALUE_U64, VALUE_I64, VALUE_F64, VALUE_MAX };

static const uint8_t value_sizes[VALUE_MAX] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

static const struct {
        uint32_t type;
        DType dtype;
} types[] = {
        { 0, DTYPE_F32 }, { 1, DTYPE_F16 }, { 2, DTYPE_Q4_0 }, { 8, DTYPE_Q8_0 }, { 26, DTYPE_I32 }, { 27, DTYPE_I64 },
        { 30, DTYPE_BF16 },
};

/* What is left to read. */
typedef struct Cursor {
        const uint8_t *data;
        uint64_t left;
} Cursor;

static const uint8_t *take(Cursor *c, uint64_t n)
{
        const uint8_t *data = c->data;

        if (n > c->left)
                return NULL;
        c->data += n;
        c->left -= n;
        return data;
}

static bool take_u32(Cursor *c, uint32_t *ret)
{
        const uint8_t *p = take(c, sizeof(*ret));
        if (!p)
                return false;
        memcpy(ret, p, sizeof(*ret));
        *ret = le32toh(*ret);
        return true;
}

static bool take_u64(Cursor *c, uint64_t *ret)
{
        const uint8_t *p = take(c, sizeof(*ret));
        if (!p)
                return false;
        memcpy(ret, p, sizeof(*ret));
        *ret = le64toh(*ret);
        return true;
}

static bool take_string(Cursor *c, const char **ret, uint64_t *ret_size)
{
        if (!take_u64(c, ret_size) || *ret_size > STRING_MAX)
                return false;
        *ret = (const char *)take(c, *ret_size);
        return *ret;
}

/* Values are passed over; of whole numbers the last is returned in *ret. */
static bool skip_value(Cursor *c, uint32_t type, unsigned depth, uint64_t *ret)
{
        const char *text;
        uint64_t n;
        uint32_t inner;

        if (type == VALUE_STRING)
                return take_string(c, &text, &n);
        if (type != VALUE_ARRAY) {
                if (type >= VALUE_MAX)
                        return false;
                const uint8_t *p = take(c, value_sizes[type]);
                for (unsigned i = 0; p && i < value_sizes[type]; i++)
                        *ret = (i == 0 ? 0 : *ret) | (uint64_t)p[i] << (8 * i);
                return p;
        }
        if (depth == DEPTH_MAX || !take_u32(c, &inner) || !take_u64(c, &n))
                return false;
        if (inner != VALUE_STRING && inner != VALUE_ARRAY) /* at once: there may be very many */
                return inner < VALUE_MAX && n <= c->left / value_sizes[inner] && take(c, n * value_sizes[inner]);
        for (uint64_t i = 0; i < n; i++)
                if (!skip_value(c, inner, depth + 1, ret))
                        return false;
        return true;
}

static bool read_settings(Cursor *c, uint64_t n, uint64_t *ret_alignment)
{
        static const char alignment[] = "general.alignment";

        *ret_alignment = ALIGNMENT_DEFAULT;
        for (uint64_t i = 0; i < n; i++) {
                const char *name;
                uint64_t size, value = 0;
                uint32_t type;

                if (!take_string(c, &name, &size) || !take_u32(c, &type) || !skip_value(c, type, 0, &value))
                        return false;
                if (size == strlen(alignment) && memcmp(name, alignment, size) == 0)
                        *ret_alignment = value;
        }
        return *ret_alignment > 0 && *ret_alignment <= 65536;
}

static int find_type(uint32_t type)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].type == type)
                        return (int)types[i].dtype;
        return -1;
}

static bool read_sizes(Cursor *c, StoredTensor *t)
{
        uint64_t sizes[TENSOR_DIMS_MAX];

        if (!take_u32(c, &t->n_dims) || t->n_dims > TENSOR_DIMS_MAX)
                return false;
        t->n_elements = 1;
        for (uint32_t i = 0; i < t->n_dims; i++)
                if (!take_u64(c, &sizes[i]) || __builtin_mul_overflow(t->n_elements, sizes[i], &t->n_elements))
                        return false;
        for (uint32_t i = 0; i < t->n_dims; i++)
                t->shape[i] = sizes[t->n_dims - 1 - i];
        return true;
}

/* The offset is left in data, until it is known where the data begin. names: room for all that is left to read. */
static int read_tensor(Cursor *c, StoredTensor *t, char **names, const char *path, Error *error)
{
        const char *name;
        uint64_t size, offset;
        uint32_t type;

        if (!take_string(c, &name, &size) || memchr(name, 0, size))
                return error_set(error, -EBADMSG, "%s: a tensor has no proper name", path);
        t->name = memcpy(*names, name, size);
        (*names)[size] = '\0';
        *names += size + 1;
        if (!read_sizes(c, t) || !take_u32(c, &type) || !take_u64(c, &offset))
                return error_set(error, -EBADMSG, "%s: tensor \"%.100s\": cut off, or too large", path, t->name);
        int dtype = find_type(type);
        if (dtype < 0)
                return error_set(error, -EOPNOTSUPP, "%s: tensor \"%.100s\": GGUF type %u is not supported", path, t->name,
                                 type);
        t->dtype = (DType)dtype;
        t->data = (const void *)(uintptr_t)offset;
        return 0;
}

static int place_tensors(Safetensors *s, const uint8_t *data, uint64_t size, uint64_t alignment, Error *error)
{
        for (size_t i = 0; i < s->n_tensors; i++) {
                StoredTensor *t = &s->tensors[i];
                const uint64_t offset = (uintptr_t)t->data;
                uint64_t bytes;

                /* Blocks lie within rows. */
                if (!dtype_bytes(t->dtype, t->n_dims > 0 ? t->shape[t->n_dims - 1] : 1, &bytes) ||
                    !dtype_bytes(t->dtype, t->n_elements, &bytes))
                        return error_set(error, -EBADMSG, "%s: tensor \"%.100s\": no whole blocks", s->path, t->name);
                if (offset % alignment != 0 || offset > size || bytes > size - offset)
                        return error_set(error, -EBADMSG, "%s: tensor \"%.100s\": its data lie beyond the end of the file",
                                         s->path, t->name);
                t->data = data + offset;
        }
        safetensors_sort(s);
        for (size_t i = 1; i < s->n_tensors; i++)
                if (streq(s->tensors[i - 1].name, s->tensors[i].name))
                        return error_set(error, -EBADMSG, "%s: tensor \"%.100s\": there twice", s->path,
                                         s->tensors[i].name);
        return 0;
}

/* The room for all names with their ends: less than the file, for each comes with more than that. */
static bool measure_names(Cursor c, uint64_t n_tensors, uint64_t *ret)
{
        uint64_t room = 1;

        for (uint64_t i = 0; i < n_tensors; i++) {
                const char *name;
                uint64_t size;
                uint32_t n_dims;

                if (!take_string(&c, &name, &size) || !take_u32(&c, &n_dims) || n_dims > TENSOR_DIMS_MAX ||
                    !take(&c, n_dims * sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t)))
                        return false;
                room += size + 1;
        }
        *ret = room;
        return true;
}

static int read_file(Safetensors *s, Error *error)
{
        Cursor c = { s->file.data, s->file.size };
        const uint8_t *magic = take(&c, 4);
        uint32_t version = 0;
        uint64_t n_tensors, n_settings, alignment;

        if (!magic || memcmp(magic, "GGUF", 4) != 0 || !take_u32(&c, &version) || version < 2 || version > 3)
                return error_set(error, -EBADMSG, "%s: not GGUF of version 2 or 3", s->path);
        if (!take_u64(&c, &n_tensors) || !take_u64(&c, &n_settings) || n_tensors > TENSORS_MAX ||
            n_settings > SETTINGS_MAX || !read_settings(&c, n_settings, &alignment))
                return error_set(error, -EBADMSG, "%s: broken GGUF header", s->path);

        uint64_t room;
        if (!measure_names(c, n_tensors, &room))
                return error_set(error, -EBADMSG, "%s: broken GGUF header", s->path);
        s->tensors = calloc(n_tensors + 1, sizeof(*s->tensors));
        s->names = malloc(room);
        if (!s->tensors || !s->names)
                return error_set(error, -ENOMEM, "%s: out of memory", s->path);

        char *names = s->names;
        for (; s->n_tensors < n_tensors; s->n_tensors++) {
                int r = read_tensor(&c, &s->tensors[s->n_tensors], &names, s->path, error);
                if (r < 0)
                        return r;
        }
        const uint64_t begin = (s->file.size - c.left + alignment - 1) / alignment * alignment;
        if (begin > s->file.size && n_tensors > 0)
                return error_set(error, -EBADMSG, "%s: it ends before its data", s->path);
        return place_tensors(s, s->file.data + MIN(begin, (uint64_t)s->file.size),
                             begin > s->file.size ? 0 : s->file.size - begin, alignment, error);
}

int gguf_open(Safetensors **ret, const char *path, Error *error)
{
        return tensor_file_open_as(ret, path, read_file, error);
}

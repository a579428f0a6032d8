/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/panels.h"

const Products *attention_scores(const AttentionKeys *keys)
{
        return keys->bytes ? keys->bytes->products : keys->products;
}

size_t attention_keys_size(const AttentionKeys *keys)
{
        const Products *products = attention_scores(keys);
        return panels_size(products, keys->tokens, keys->head_size) * products_element(products);
}

size_t attention_values_size(const AttentionKeys *keys)
{
        return panels_size(keys->products, keys->head_size, keys->tokens) * products_element(keys->products);
}

typedef struct PackJob {
        const AttentionKeys *keys;
        const Tensor *k, *v;
} PackJob;

/* A key is a column, and its pairs lie together already; where they do not make whole steps they are filled up elsewhere. */
static void pack_key_panel(
                const AttentionKeys *a, const uint16_t *from, size_t channels, size_t n, uint16_t *ret, size_t width,
                uint16_t *scratch)
{
        const size_t length = products_length(a->products, a->head_size), groups = length / 2;

        if (length == a->head_size) {
                panel_pack_groups(ret, from, n, groups, channels * sizeof *from, width);
                return;
        }
        for (size_t i = 0; i < n; i++)
                panel_gather_halves(scratch + i * length, from + i * channels, a->head_size, 1, length);
        panel_pack_groups(ret, scratch, n, groups, length * sizeof *scratch, width);
}

/* Panels of bfloat16: [depth / 2][width][2]. */
static void pack_keys(
                const AttentionKeys *a, const uint16_t *from, size_t channels, uint16_t *ret, uint16_t *scratch)
{
        const size_t length = products_length(a->products, a->head_size);

        for (size_t first = 0; first < a->tokens; first += a->products->panel) {
                const size_t width = panel_width(a->products, a->tokens, first), n = MIN(width, a->tokens - first);

                if (n < width)
                        memset(ret, 0, width * length * sizeof *ret);
                pack_key_panel(a, from + first * channels, channels, n, ret, width, scratch);
                ret += width * length;
        }
}

/* Bytes of a panel at most: as many columns of as many whole steps. */
static size_t key_scratch(const AttentionKeys *a)
{
        return a->products->panel * products_length(a->products, a->head_size) * sizeof(uint16_t);
}

/* The least of each of a key's numbers, and what divides them into bytes; factors: what one of those is worth. */
static void measure_keys(
                const AttentionKeys *a, const uint16_t *from, size_t channels, float *least, float *inverses, float *factors)
{
        a->bytes->key_ranges(from, a->tokens, channels, a->head_size, least, factors);
        for (size_t i = 0; i < a->head_size; i++) {
                factors[i] = (factors[i] - least[i]) / 255;
                inverses[i] = factors[i] > 0 ? 1 / factors[i] : 0;
        }
}

/* Panels of bytes: [depth / 4][width][4]. scratch: as key_scratch() says, and twice the size of a head. */
static void pack_byte_keys(
                const AttentionKeys *a, const uint16_t *from, size_t channels, uint8_t *ret, float *factors, float *scratch)
{
        const Products *products = a->bytes->products;
        const size_t length = products_length(products, a->head_size);
        float *least = scratch, *inverses = least + a->head_size;
        uint8_t *columns = (uint8_t *)(inverses + a->head_size);

        measure_keys(a, from, channels, least, inverses, factors);
        for (size_t first = 0; first < a->tokens; first += products->panel) {
                const size_t width = panel_width(products, a->tokens, first), n = MIN(width, a->tokens - first);

                memset(columns, 0, width * length);
                for (size_t i = 0; i < n; i++)
                        a->bytes->quantise_key(columns + i * length, from + (first + i) * channels, a->head_size, least, inverses);
                panel_pack_groups(ret, columns, width, length / products->group, length, width);
                ret += width * length;
        }
}

/* Two rows, the second of zeros if it is NULL, number by number. */
static void pair_rows(uint16_t *ret, const uint16_t *even, const uint16_t *odd, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const uint32_t pair = even[i] | (odd ? (uint32_t)odd[i] << 16 : 0);
                memcpy(ret + 2 * i, &pair, sizeof pair);
        }
}

/* A column is one number of the head, and a pair that of two tokens. */
static void pack_values(const AttentionKeys *a, const uint16_t *from, size_t channels, uint16_t *ret)
{
        const size_t length = products_length(a->products, a->tokens);

        for (size_t first = 0; first < a->head_size; first += a->products->panel) {
                const size_t width = panel_width(a->products, a->head_size, first), n = MIN(width, a->head_size - first);

                if (n < width || length - a->tokens > 1)
                        memset(ret, 0, width * length * sizeof *ret);
                for (size_t token = 0; token < a->tokens; token += 2) {
                        const uint16_t *even = from + token * channels + first;

                        pair_rows(ret + token * width, even, token + 1 < a->tokens ? even + channels : NULL, n);
                }
                ret += width * length;
        }
}

static void pack_tile(const void *userdata, size_t i, float *scratch)
{
        const PackJob *job = userdata;
        const AttentionKeys *a = job->keys;
        const size_t channels = job->k->c, head = i % a->heads;
        const size_t at = i / a->heads * a->tokens * channels + head * a->head_size;
        void *keys = (char *)a->keys + i * attention_keys_size(a), *values = (char *)a->values + i * attention_values_size(a);

        if (a->bytes)
                pack_byte_keys(a, tensor_at(job->k, at), channels, keys, a->factors + i * a->head_size, scratch);
        else if (job->k->type == TENSOR_BF16)
                pack_keys(a, tensor_at(job->k, at), channels, keys, (uint16_t *)scratch);
        else
                panels_pack(a->products, keys, job->k->data + at, a->tokens, a->head_size, channels, 1);
        if (job->v->type == TENSOR_BF16)
                pack_values(a, tensor_at(job->v, at), channels, values);
        else
                panels_pack(a->products, values, job->v->data + at, a->head_size, a->tokens, 1, channels);
}

TensorType attention_type(const Matrix *m)
{
        const bool halves = m->products->precision != PRECISION_F32 && m->kernels->products[PRECISION_BF16];

        return halves ? TENSOR_BF16 : TENSOR_F32;
}

static float *bytes_new(Arena *arena, size_t n)
{
        return arena_alloc(arena, (n + sizeof(float) - 1) / sizeof(float));
}

static int keys_alloc(AttentionKeys *keys, Arena *arena)
{
        const size_t n = (size_t)keys->n * keys->heads;

        keys->keys = bytes_new(arena, n * attention_keys_size(keys));
        keys->values = bytes_new(arena, n * attention_values_size(keys));
        keys->factors = keys->bytes ? arena_alloc(arena, n * keys->head_size) : NULL;
        return keys->keys && keys->values && (!keys->bytes || keys->factors) ? 0 : -ENOMEM;
}

AttentionKeys attention_keys(
                Compute *c, Arena *arena, Precision precision, uint32_t heads, const Tensor *k, const Tensor *v)
{
        const Kernels *kernels = kernels_get();
        const bool halves = k->type == TENSOR_BF16;
        AttentionKeys keys = {
                .kernels = kernels,
                .products = kernels->products[halves ? PRECISION_BF16 : PRECISION_F32],
                .bytes = halves && precision == PRECISION_INT8 ? kernels->byte_scores : NULL,
                .n = k->n,
                .heads = heads,
                .tokens = k->h * k->w,
                .head_size = k->c / heads,
        };
        PackJob job = { .keys = &keys, .k = k, .v = v };

        assert(k->c % heads == 0 && v->c == k->c && tensor_rows(v) == tensor_rows(k));
        assert(k->type == v->type && keys.products);
        if (c->error == 0)
                c->error = keys_alloc(&keys, arena);
        const size_t scratch = 2 * keys.head_size + (key_scratch(&keys) + sizeof(float) - 1) / sizeof(float);
        const WorkKind before = compute_work(c, WORK_ATTENTION, 0);
        compute_tiles(c, (size_t)k->n * heads, scratch, pack_tile, &job);
        compute_work_as(c, before);
        return keys;
}

AttentionKeys attention_keys_last(const AttentionKeys *keys)
{
        const size_t before = (size_t)(keys->n - 1) * keys->heads;
        AttentionKeys last = *keys;

        last.n = 1;
        last.keys = (char *)last.keys + before * attention_keys_size(keys);
        last.values = (char *)last.values + before * attention_values_size(keys);
        last.factors = keys->bytes ? last.factors + before * keys->head_size : NULL;
        return last;
}

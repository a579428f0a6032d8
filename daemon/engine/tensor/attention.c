/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/panels.h"

#define KEY_BLOCK 512 /* a multiple of every table's panel */

typedef struct AttentionJob {
        const AttentionKeys *keys;
        const Tensor *q, *out;
        bool causal;
        float scale;
        size_t queries, tile_rows, tiles; /* of one head */
} AttentionJob;

/* What a tile works with, in its scratch. */
typedef struct AttentionTile {
        const AttentionJob *job;
        const char *keys, *values; /* panels of this head */
        size_t first, m; /* queries */
        size_t rows; /* m, filled up to whole blocks of rows */
        size_t value_stride;
        size_t query_length; /* elements of a query, filled up to whole groups */
        float *scores; /* [rows][KEY_BLOCK] */
        float *sums; /* [rows][value_stride] */
        float *top, *weight; /* [rows]: the largest score so far, the sum of all exponentials */
        float *scales; /* [rows]: of scores, if they are sums of bytes, else 1 for each */
        void *library;
        void *weights; /* [rows][KEY_BLOCK]: exponentials in elements; of floats these are the scores themselves */
        void *query_copy; /* [rows][query_length] elements */
        const void **queries, **lines; /* rows of q, rows of weights */
} AttentionTile;

static size_t value_stride_of(const AttentionKeys *keys)
{
        return panels_size(keys->products, keys->head_size, 1) / products_length(keys->products, 1);
}

static bool is_wide(const AttentionKeys *keys)
{
        return keys->products->group == 1;
}

/* Floats. */
static size_t attention_scratch(const AttentionKeys *keys, size_t rows)
{
        const size_t pointers = 2 * rows * sizeof(void *) / sizeof(float);
        const size_t copies = is_wide(keys) ? keys->head_size
                                            : KEY_BLOCK + products_length(keys->products, keys->head_size);
        return rows * (KEY_BLOCK + value_stride_of(keys) + 3 + keys->products->depth + copies) + pointers;
}

/* One that is copied, as the products want it. */
static void copy_query(const AttentionTile *t, const void *q, bool halves, void *copy)
{
        const AttentionKeys *a = t->job->keys;

        if (is_wide(a)) {
                a->kernels->widen(copy, q, a->head_size, WEIGHT_BF16);
                return;
        }
        memset(copy, 0, t->query_length * sizeof(uint16_t));
        if (halves)
                memcpy(copy, q, a->head_size * sizeof(uint16_t));
        else
                a->kernels->narrow(copy, q, a->head_size);
}

/* To bytes; returns what the sums are to be scaled with. */
static float quantise_query(const AttentionTile *t, const void *q, bool halves, const float *factors, int8_t *copy)
{
        const AttentionKeys *a = t->job->keys;

        memset(copy + a->head_size, 0, t->query_length - a->head_size);
        return a->bytes->quantise_query(copy, q, a->head_size, factors, halves);
}

/* The queries as the products want them: where they lie, or copied. */
static void find_queries(const AttentionTile *t, size_t unit)
{
        const AttentionJob *job = t->job;
        const AttentionKeys *a = job->keys;
        const size_t channels = job->q->c;
        const bool halves = job->q->type == TENSOR_BF16;
        const size_t at = (unit / a->heads * job->queries + t->first) * channels + unit % a->heads * a->head_size;

        for (size_t row = 0; row < t->rows; row++) {
                const void *q = tensor_at(job->q, at + (row < t->m ? row : 0) * channels);
                char *copy = (char *)t->query_copy + row * t->query_length * products_element(attention_scores(a));

                t->queries[row] = copy;
                t->scales[row] = 1;
                if (a->bytes)
                        t->scales[row] = quantise_query(t, q, halves, a->factors + unit * a->head_size, (int8_t *)copy);
                else if (is_wide(a) != halves && a->head_size % a->products->step == 0)
                        t->queries[row] = q;
                else
                        copy_query(t, q, halves, copy);
        }
}

static AttentionTile tile_begin(const AttentionJob *job, size_t i, float *scratch)
{
        const AttentionKeys *a = job->keys;
        const size_t unit = i / job->tiles, rows = job->tile_rows, element = products_element(a->products);
        AttentionTile t = {
                .job = job,
                .keys = (const char *)a->keys + unit * attention_keys_size(a),
                .values = (const char *)a->values + unit * attention_values_size(a),
                .first = i % job->tiles * rows,
                .value_stride = value_stride_of(a),
                .query_length = products_length(attention_scores(a), a->head_size),
        };

        t.m = MIN(rows, job->queries - t.first);
        t.rows = (t.m + a->products->rows - 1) / a->products->rows * a->products->rows;
        t.scores = scratch;
        t.sums = t.scores + rows * KEY_BLOCK;
        t.top = t.sums + rows * t.value_stride;
        t.weight = t.top + rows;
        t.queries = (const void **)(t.weight + rows);
        t.lines = t.queries + rows;
        t.scales = (float *)(t.lines + rows);
        float *rest = t.scales + rows;
        t.library = rest;
        rest += rows * a->products->depth;
        t.query_copy = rest;
        t.weights = is_wide(a) ? t.scores : rest + rows * products_length(a->products, a->head_size);
        for (size_t row = 0; row < t.rows; row++)
                t.lines[row] = (char *)t.weights + row * KEY_BLOCK * element;
        find_queries(&t, unit);
        return t;
}

/* A product of any depth: rows by one packed panel. */
static void multiply(
                const AttentionTile *t, const Products *products, const void *const *rows, size_t depth, const char *panel,
                size_t width, float *sums, size_t stride, bool add)
{
        const size_t length = products_length(products, depth), line = width * products_element(products);
        const size_t blocks = (length + products->depth - 1) / products->depth,
                     step = products_length(products, (length + blocks - 1) / blocks);

        for (size_t k = 0; k < length; k += step, panel += step * line)
                products->multiply(&(Product) {
                                .rows = rows,
                                .offset = k,
                                .m = t->m,
                                .depth = MIN(step, length - k),
                                .panel = panel,
                                .width = width,
                                .sums = sums,
                                .stride = stride,
                                .add = add || k > 0,
                                .ahead = panel + step * line,
                                .ahead_size = step * line,
                                .scratch = t->library,
                });
}

static void score_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const AttentionKeys *a = t->job->keys;
        const Products *products = attention_scores(a);
        const size_t column = t->query_length * products_element(products);

        for (size_t key = 0; key < keys; key += products->panel) {
                size_t width = panel_width(products, a->tokens, key0 + key);
                multiply(t, products, t->queries, a->head_size, t->keys + (key0 + key) * column, width, t->scores + key,
                         KEY_BLOCK, false);
        }
}

/* What was summed before, scaled to a new maximum. */
static void raise_top(const AttentionTile *t, size_t row, size_t key0, float top)
{
        if (key0 == 0) {
                t->top[row] = top;
                t->weight[row] = 0;
        } else if (top > t->top[row]) {
                float factor = expf(t->top[row] - top);
                t->job->keys->kernels->scale(t->sums + row * t->value_stride, t->value_stride, factor);
                t->weight[row] *= factor;
                t->top[row] = top;
        }
}

static float largest_score(const AttentionKeys *a, const float *line, size_t n)
{
        return a->bytes ? (float)a->bytes->largest(line, n) : a->kernels->maximum(line, n);
}

/* Scores to their exponentials, in the elements of the weights; returns their sum. */
static float weigh(const AttentionKeys *a, float *line, void *weights, size_t n, float scale, float top)
{
        if (a->bytes)
                return a->bytes->exp_sum(weights, line, n, scale, top);
        return is_wide(a) ? a->kernels->exp_sum(line, n, scale, top)
                          : a->kernels->exp_sum_halves(weights, line, n, scale, top);
}

/* Scores to weights; none for keys that the row does not see. */
static void softmax_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const AttentionKeys *a = t->job->keys;
        const size_t element = products_element(a->products), length = products_length(a->products, keys);

        for (size_t row = 0; row < t->rows; row++) {
                float *line = t->scores + row * KEY_BLOCK;
                char *weights = (char *)t->weights + row * KEY_BLOCK * element;
                const float scale = t->job->scale * t->scales[row];
                size_t query = t->first + row, seen = keys;

                if (t->job->causal)
                        seen = query < key0 ? 0 : MIN(keys, query - key0 + 1);
                if (row >= t->m) /* computed along, never used */
                        seen = 0;
                if (seen > 0) {
                        raise_top(t, row, key0, largest_score(a, line, seen) * scale);
                        t->weight[row] += weigh(a, line, weights, seen, scale, t->top[row]);
                }
                memset(weights + seen * element, 0, (length - seen) * element);
        }
}

static void value_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const AttentionKeys *a = t->job->keys;
        const size_t element = products_element(a->products), length = products_length(a->products, a->tokens);

        for (size_t column = 0; column < a->head_size; column += a->products->panel) {
                size_t width = panel_width(a->products, a->head_size, column);
                const char *panel = t->values + (column * length + key0 * width) * element;
                multiply(t, a->products, t->lines, keys, panel, width, t->sums + column, t->value_stride, key0 > 0);
        }
}

static void tile_end(const AttentionTile *t, size_t unit)
{
        const AttentionKeys *a = t->job->keys;
        const Tensor *out = t->job->out;
        const size_t at = (unit / a->heads * t->job->queries + t->first) * out->c + unit % a->heads * a->head_size;

        for (size_t row = 0; row < t->m; row++) {
                float *line = t->sums + row * t->value_stride;
                void *to = tensor_at(out, at + row * out->c);

                a->kernels->scale(line, a->head_size, 1 / t->weight[row]);
                if (out->type == TENSOR_BF16)
                        a->kernels->narrow(to, line, a->head_size);
                else
                        memcpy(to, line, a->head_size * sizeof(float));
        }
}

static void attention_tile(const void *userdata, size_t i, float *scratch)
{
        const AttentionJob *job = userdata;
        AttentionTile t = tile_begin(job, i, scratch);
        const size_t tokens =
                        job->causal ? MIN((size_t)job->keys->tokens, t.first + t.m) : job->keys->tokens;

        products_enter(job->keys->products);
        for (size_t key = 0; key < tokens; key += KEY_BLOCK) {
                size_t keys = MIN((size_t)KEY_BLOCK, job->keys->tokens - key);
                score_block(&t, key, keys);
                softmax_block(&t, key, keys);
                value_block(&t, key, keys);
        }
        products_leave(job->keys->products);
        tile_end(&t, i / job->tiles);
}

void attention(Compute *c, const Tensor *q, const AttentionKeys *keys, bool causal, const Tensor *out)
{
        AttentionJob job = {
                .keys = keys,
                .q = q,
                .out = out,
                .causal = causal,
                .scale = 1 / sqrtf((float)keys->head_size),
                .queries = (size_t)q->h * q->w,
        };

        assert(q->n == keys->n && q->c == keys->heads * keys->head_size && out->c == q->c);
        const double flops = 4.0 * (double)tensor_rows(q) * keys->tokens * q->c / (causal ? 2 : 1);
        const WorkKind before = compute_work(c, WORK_ATTENTION, flops);
        const size_t rows = keys->products->rows, padded = (job.queries + rows - 1) / rows * rows;
        job.tile_rows = MIN((size_t)keys->products->tile_rows, padded);
        job.tiles = (job.queries + job.tile_rows - 1) / job.tile_rows;
        compute_tiles(c, (size_t)q->n * keys->heads * job.tiles, attention_scratch(keys, job.tile_rows),
                      attention_tile, &job);
        compute_work_as(c, before);
}

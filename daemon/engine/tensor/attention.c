/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/panels.h"

#define KEY_BLOCK 512 /* a multiple of every table's panel */

static size_t keys_size(const AttentionKeys *keys)
{
        return panels_size(keys->kernels, keys->tokens, keys->head_size);
}

static size_t values_size(const AttentionKeys *keys)
{
        return panels_size(keys->kernels, keys->head_size, keys->tokens);
}

typedef struct PackJob {
        const AttentionKeys *keys;
        const Tensor *k, *v;
} PackJob;

static void pack_tile(const void *userdata, size_t i, float *scratch)
{
        const PackJob *job = userdata;
        const AttentionKeys *a = job->keys;
        const size_t channels = job->k->c, head = i % a->heads;
        const size_t at = i / a->heads * a->tokens * channels + head * a->head_size;

        (void)scratch;
        panels_pack(a->kernels, a->keys + i * keys_size(a), job->k->data + at, a->tokens, a->head_size,
                    channels, 1);
        panels_pack(a->kernels, a->values + i * values_size(a), job->v->data + at, a->head_size, a->tokens,
                    1, channels);
}

AttentionKeys attention_keys(Compute *c, Arena *arena, uint32_t heads, const Tensor *k, const Tensor *v)
{
        AttentionKeys keys = {
                .kernels = kernels_get(),
                .n = k->n,
                .heads = heads,
                .tokens = k->h * k->w,
                .head_size = k->c / heads,
        };
        PackJob job = { .keys = &keys, .k = k, .v = v };

        assert(k->c % heads == 0 && v->c == k->c && tensor_rows(v) == tensor_rows(k));
        if (c->error == 0) {
                keys.keys = arena_alloc(arena, (size_t)k->n * heads * keys_size(&keys));
                keys.values = arena_alloc(arena, (size_t)k->n * heads * values_size(&keys));
                if (!keys.keys || !keys.values)
                        c->error = -ENOMEM;
        }
        compute_tiles(c, (size_t)k->n * heads, 0, pack_tile, &job);
        return keys;
}

AttentionKeys attention_keys_last(const AttentionKeys *keys)
{
        const size_t before = (size_t)(keys->n - 1) * keys->heads;
        AttentionKeys last = *keys;

        last.n = 1;
        last.keys += before * keys_size(keys);
        last.values += before * values_size(keys);
        return last;
}

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
        const float *keys, *values; /* panels of this head */
        size_t first, m; /* queries */
        size_t rows; /* m, filled up to whole blocks of rows */
        size_t value_stride;
        float *scores; /* [rows][KEY_BLOCK] */
        float *sums; /* [rows][value_stride] */
        float *top, *weight; /* [rows]: the largest score so far, the sum of all exponentials */
        float *library;
        const float **queries, **lines; /* rows of q, rows of scores */
} AttentionTile;

static size_t value_stride_of(const AttentionKeys *keys)
{
        return panels_size(keys->kernels, keys->head_size, 1);
}

static size_t attention_scratch(const AttentionKeys *keys, size_t rows)
{
        const size_t pointers = 2 * rows * sizeof(float *) / sizeof(float);
        return rows * (KEY_BLOCK + value_stride_of(keys) + 2 + keys->kernels->depth) + pointers;
}

static AttentionTile tile_begin(const AttentionJob *job, size_t i, float *scratch)
{
        const AttentionKeys *a = job->keys;
        const size_t unit = i / job->tiles, rows = job->tile_rows, channels = job->q->c;
        AttentionTile t = {
                .job = job,
                .keys = a->keys + unit * keys_size(a),
                .values = a->values + unit * values_size(a),
                .first = i % job->tiles * rows,
                .value_stride = value_stride_of(a),
        };

        t.m = MIN(rows, job->queries - t.first);
        t.rows = (t.m + KERNELS_ROWS - 1) / KERNELS_ROWS * KERNELS_ROWS;
        t.scores = scratch;
        t.sums = t.scores + rows * KEY_BLOCK;
        t.library = t.sums + rows * t.value_stride;
        t.top = t.library + rows * a->kernels->depth;
        t.weight = t.top + rows;
        t.queries = (const float **)(t.weight + rows);
        t.lines = t.queries + rows;

        const float *q = job->q->data + (unit / a->heads * job->queries + t.first) * channels +
                         unit % a->heads * a->head_size;
        for (size_t row = 0; row < t.rows; row++) {
                t.queries[row] = q + (row < t.m ? row : 0) * channels;
                t.lines[row] = t.scores + row * KEY_BLOCK;
        }
        return t;
}

/* A product of any depth: rows by one packed panel. */
static void multiply(
                const AttentionTile *t, const float *const *rows, size_t depth, const float *panel,
                size_t width, float *sums, size_t stride, bool add)
{
        const Kernels *kernels = t->job->keys->kernels;
        const size_t blocks = (depth + kernels->depth - 1) / kernels->depth,
                     step = (depth + blocks - 1) / blocks;

        for (size_t k = 0; k < depth; k += step, panel += step * width)
                kernels->product(&(Product) {
                                .rows = rows,
                                .offset = k,
                                .m = t->m,
                                .depth = MIN(step, depth - k),
                                .panel = panel,
                                .width = width,
                                .sums = sums,
                                .stride = stride,
                                .add = add || k > 0,
                                .ahead = panel + step * width,
                                .ahead_size = step * width * sizeof *panel,
                                .scratch = t->library,
                });
}

static void score_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const AttentionKeys *a = t->job->keys;

        for (size_t key = 0; key < keys; key += a->kernels->panel) {
                size_t width = panel_width(a->kernels, a->tokens, key0 + key);
                multiply(t, t->queries, a->head_size, t->keys + (key0 + key) * a->head_size, width,
                         t->scores + key, KEY_BLOCK, false);
        }
}

/* Scores to exponentials, and what was summed before scaled to the new maximum. */
static void softmax_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const Kernels *kernels = t->job->keys->kernels;

        for (size_t row = 0; row < t->m; row++) {
                float *line = t->scores + row * KEY_BLOCK;
                size_t query = t->first + row, seen = keys;

                if (t->job->causal)
                        seen = query < key0 ? 0 : MIN(keys, query - key0 + 1);
                memset(line + seen, 0, (keys - seen) * sizeof *line);
                if (seen == 0)
                        continue;

                float top = kernels->maximum(line, seen) * t->job->scale;
                if (key0 == 0) {
                        t->top[row] = top;
                        t->weight[row] = 0;
                } else if (top > t->top[row]) {
                        float factor = expf(t->top[row] - top);
                        kernels->scale(t->sums + row * t->value_stride, t->value_stride, factor);
                        t->weight[row] *= factor;
                        t->top[row] = top;
                }
                t->weight[row] += kernels->exp_sum(line, seen, t->job->scale, t->top[row]);
        }
        for (size_t row = t->m; row < t->rows; row++) /* computed along, never used */
                memset(t->scores + row * KEY_BLOCK, 0, keys * sizeof *t->scores);
}

static void value_block(const AttentionTile *t, size_t key0, size_t keys)
{
        const AttentionKeys *a = t->job->keys;

        for (size_t column = 0; column < a->head_size; column += a->kernels->panel) {
                size_t width = panel_width(a->kernels, a->head_size, column);
                const float *panel = t->values + column * a->tokens + key0 * width;
                multiply(t, t->lines, keys, panel, width, t->sums + column, t->value_stride, key0 > 0);
        }
}

static void tile_end(const AttentionTile *t, size_t unit)
{
        const AttentionKeys *a = t->job->keys;
        const size_t channels = t->job->out->c;
        float *out = t->job->out->data + (unit / a->heads * t->job->queries + t->first) * channels +
                     unit % a->heads * a->head_size;

        for (size_t row = 0; row < t->m; row++) {
                float *line = t->sums + row * t->value_stride;
                a->kernels->scale(line, a->head_size, 1 / t->weight[row]);
                memcpy(out + row * channels, line, a->head_size * sizeof *out);
        }
}

static void attention_tile(const void *userdata, size_t i, float *scratch)
{
        const AttentionJob *job = userdata;
        AttentionTile t = tile_begin(job, i, scratch);
        const size_t tokens =
                        job->causal ? MIN((size_t)job->keys->tokens, t.first + t.m) : job->keys->tokens;

        for (size_t key = 0; key < tokens; key += KEY_BLOCK) {
                size_t keys = MIN((size_t)KEY_BLOCK, job->keys->tokens - key);
                score_block(&t, key, keys);
                softmax_block(&t, key, keys);
                value_block(&t, key, keys);
        }
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
        c->flops += 4.0 * (double)tensor_rows(q) * keys->tokens * q->c / (causal ? 2 : 1);
        const size_t padded = (job.queries + KERNELS_ROWS - 1) / KERNELS_ROWS * KERNELS_ROWS;
        job.tile_rows = MIN((size_t)keys->kernels->tile_rows, padded);
        job.tiles = (job.queries + job.tile_rows - 1) / job.tile_rows;
        compute_tiles(c, (size_t)q->n * keys->heads * job.tiles, attention_scratch(keys, job.tile_rows),
                      attention_tile, &job);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/token_merging.h"
#include "engine/tensor/matrix.h"
#include "engine/tensor/panels.h"

#define ROWS_AT_ONCE 64
#define NONE UINT32_MAX

/* One picture on the way to its map. */
typedef struct Likeness {
        const Tensor *x;
        uint32_t n_stay, n_rest, n_merged; /* tokens that stay, all others, and how many of these go */
        Tensor rest, scores; /* [n_rest, channels], and against each that stays */
        float *stay; /* [n_stay][channels], each of length 1 */
        Matrix matrix; /* of these */
        uint32_t *best; /* [n_rest]: the most alike of those that stay */
        uint32_t *rank; /* [n_rest]: how much, in an order of integers */
        uint32_t *numbers; /* [n_stay]: among the kept */
        uint32_t *to;
} Likeness;

static bool stays(const Tensor *x, uint32_t token)
{
        return token / x->w % 2 == 0 && token % x->w % 2 == 0;
}

static float length_of(const float *row, uint32_t channels)
{
        double sum = 0;

        for (uint32_t i = 0; i < channels; i++)
                sum += (double)row[i] * row[i];
        return (float)sqrt(sum);
}

/* Those that stay as the columns of a matrix, the others as rows. */
static void part_tokens(const void *job, size_t i, float *scratch)
{
        const Likeness *l = job;
        const uint32_t channels = l->x->c;
        float *stay = l->stay, *rest = l->rest.data;

        (void)i;
        (void)scratch;
        for (uint32_t token = 0; token < l->x->h * l->x->w; token++) {
                const float *row = l->x->data + (size_t)token * channels;
                if (!stays(l->x, token)) {
                        rest = (float *)memcpy(rest, row, channels * sizeof *row) + channels;
                        continue;
                }
                const float length = length_of(row, channels);
                for (uint32_t j = 0; j < channels; j++)
                        *stay++ = length > 0 ? row[j] / length : 0;
        }
        panels_pack(l->matrix.products, l->matrix.panels, l->stay, l->n_stay, channels, channels, 1);
}

/* A number that is larger where the float is. */
static uint32_t order_of(float x)
{
        uint32_t bits;

        memcpy(&bits, &x, sizeof bits);
        return bits >> 31 ? ~bits : bits | 1U << 31;
}

static void find_best(const void *job, size_t i, float *scratch)
{
        const Likeness *l = job;
        const uint32_t first = (uint32_t)i * ROWS_AT_ONCE, end = MIN(first + ROWS_AT_ONCE, l->n_rest);

        (void)scratch;
        for (uint32_t row = first; row < end; row++) {
                const float *scores = l->scores.data + (size_t)row * l->n_stay;
                const float length = length_of(l->rest.data + (size_t)row * l->rest.c, l->rest.c);
                float most = -INFINITY;

                l->best[row] = 0;
                for (uint32_t j = 0; j < l->n_stay; j++)
                        if (scores[j] > most) {
                                most = scores[j];
                                l->best[row] = j;
                        }
                l->rank[row] = order_of(length > 0 ? most / length : 0);
        }
}

static uint32_t count_above(const Likeness *l, uint32_t rank)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < l->n_rest; i++)
                n += l->rank[i] > rank;
        return n;
}

/* The rank of the last one that goes, bit by bit: sorting would need memory of its own. */
static uint32_t last_rank(const Likeness *l)
{
        uint32_t rank = 0;

        for (uint32_t bit = 1U << 31; bit > 0; bit >>= 1)
                if (count_above(l, (rank | bit) - 1) >= l->n_merged)
                        rank |= bit;
        return rank;
}

/* Those that are kept have no best; where ranks are equal the earlier ones go. */
static void choose_merged(const Likeness *l)
{
        const uint32_t last = last_rank(l);
        uint32_t equal = l->n_merged - count_above(l, last);

        for (uint32_t i = 0; i < l->n_rest; i++) {
                const bool is_last = l->rank[i] == last && equal > 0;

                equal -= is_last;
                if (l->n_merged == 0 || (l->rank[i] <= last && !is_last))
                        l->best[i] = NONE;
        }
}

/* The kept are numbered in the order of tokens. */
static void number_tokens(const void *job, size_t i, float *scratch)
{
        const Likeness *l = job;
        const uint32_t tokens = l->x->h * l->x->w;
        uint32_t number = 0, stay = 0, rest = 0;

        (void)i;
        (void)scratch;
        choose_merged(l);
        for (uint32_t token = 0; token < tokens; token++)
                if (stays(l->x, token))
                        l->numbers[stay++] = l->to[token] = number++;
                else if (l->best[rest++] == NONE)
                        l->to[token] = number++;
        rest = 0;
        for (uint32_t token = 0; token < tokens; token++)
                if (!stays(l->x, token) && l->best[rest++] != NONE)
                        l->to[token] = l->numbers[l->best[rest - 1]];
}

static uint32_t *numbers_new(Compute *c, size_t n)
{
        return (uint32_t *)(void *)compute_alloc(c, n);
}

/* Of one picture. */
static void map_picture(Compute *c, const Tensor *x, uint32_t n_stay, uint32_t n_merged, uint32_t *to)
{
        const Kernels *kernels = kernels_get();
        ArenaMark mark = arena_mark(c->arena);
        const uint32_t n_rest = x->h * x->w - n_stay;
        Likeness l = { .x = x, .n_stay = n_stay, .n_rest = n_rest, .n_merged = n_merged, .to = to };

        l.matrix = (Matrix) { .kernels = kernels, .products = kernels->products[PRECISION_F32], .n = n_stay, .k = x->c,
                              .taps = 1, .type = WEIGHT_F32 };
        l.matrix.panels = compute_alloc(c, panels_size(l.matrix.products, n_stay, x->c));
        l.stay = compute_alloc(c, (size_t)n_stay * x->c);
        l.rest = compute_tensor(c, 1, 1, n_rest, x->c);
        l.scores = compute_tensor(c, 1, 1, n_rest, n_stay);
        l.best = numbers_new(c, n_rest);
        l.rank = numbers_new(c, n_rest);
        l.numbers = numbers_new(c, n_stay);
        compute_tiles(c, 1, 0, part_tokens, &l);
        linear(c, &l.matrix, &l.rest, FINISH_PLAIN, NULL, &l.scores);
        compute_tiles(c, (n_rest + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, 0, find_best, &l);
        compute_tiles(c, 1, 0, number_tokens, &l);
        arena_release(c->arena, mark);
}

TokenMap token_map(Compute *c, const Tensor *x, double share)
{
        const uint32_t tokens = x->h * x->w, n_stay = ((x->h + 1) / 2) * ((x->w + 1) / 2);
        const uint32_t merged = MIN((uint32_t)(share * tokens), tokens - n_stay);
        const TokenMap map = { .n = x->n, .tokens = tokens, .kept = tokens - merged,
                               .to = numbers_new(c, (size_t)x->n * tokens) };

        assert(x->type == TENSOR_F32);
        for (uint32_t i = 0; i < x->n && c->error == 0; i++) {
                const Tensor one = tensor_picture(x, i);
                map_picture(c, &one, n_stay, merged, map.to + (size_t)i * tokens);
        }
        return map;
}

typedef struct MapJob {
        const TokenMap *map;
        const Tensor *from, *ret;
} MapJob;

/* One picture. The scratch has the sums, and of how many tokens they are. */
static void merge_picture(const void *userdata, size_t i, float *scratch)
{
        const MapJob *job = userdata;
        const TokenMap *map = job->map;
        const Kernels *kernels = kernels_get();
        const size_t channels = job->from->c;
        const uint32_t *to = map->to + i * map->tokens;
        float *counts = scratch + map->kept * channels;

        memset(scratch, 0, map->kept * (channels + 1) * sizeof *scratch);
        for (size_t token = 0; token < map->tokens; token++) {
                float *sum = scratch + to[token] * channels;
                kernels->add(sum, sum, job->from->data + (i * map->tokens + token) * channels, channels);
                counts[to[token]]++;
        }
        for (size_t row = 0; row < map->kept; row++) {
                float *sum = scratch + row * channels;
                void *ret = tensor_at(job->ret, (i * map->kept + row) * channels);

                kernels->scale(sum, channels, 1 / counts[row]);
                if (job->ret->type == TENSOR_BF16)
                        kernels->narrow(ret, sum, channels);
                else
                        memcpy(ret, sum, channels * sizeof *sum);
        }
}

void tokens_merge(Compute *c, const TokenMap *map, const Tensor *x, const Tensor *ret)
{
        const MapJob job = { map, x, ret };

        assert(x->type == TENSOR_F32 && ret->c == x->c && tensor_rows(ret) == (size_t)map->n * map->kept);
        compute_tiles(c, map->n, (size_t)map->kept * (x->c + 1), merge_picture, &job);
}

static void add_picture(const void *userdata, size_t i, float *scratch)
{
        const MapJob *job = userdata;
        const TokenMap *map = job->map;
        const Kernels *kernels = kernels_get();
        const size_t channels = job->from->c;

        (void)scratch;
        for (size_t token = 0; token < map->tokens; token++) {
                float *row = job->ret->data + (i * map->tokens + token) * channels;
                const size_t group = i * map->kept + map->to[i * map->tokens + token];
                kernels->add(row, row, job->from->data + group * channels, channels);
        }
}

void tokens_add(Compute *c, const TokenMap *map, const Tensor *from, const Tensor *x)
{
        const MapJob job = { map, from, x };

        assert(from->type == TENSOR_F32 && x->type == TENSOR_F32 && from->c == x->c);
        compute_tiles(c, map->n, 0, add_picture, &job);
}

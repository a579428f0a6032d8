/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>

#include "base/util.h"
#include "engine/kernels/kernels.h"
#include "engine/tensor/norm.h"

/* Floats in a tile: half of a small L2 cache, and far more work than handing out a tile. */
#define TILE_FLOATS 16384

typedef struct NormJob {
        const Kernels *kernels;
        const Norm *norm;
        const Tensor *x, *out;
        bool silu;
        size_t rows; /* of one picture */
        size_t tile_rows, tiles; /* of one picture */
        float *means, *squares; /* [picture][tile][group] */
        float *mean, *factor; /* [picture][channel] */
} NormJob;

static size_t rows_in_tile(const NormJob *job, size_t tile)
{
        return MIN(job->tile_rows, job->rows - tile * job->tile_rows);
}

static void moments_tile(const void *userdata, size_t i, float *scratch)
{
        const NormJob *job = userdata;
        const size_t picture = i / job->tiles, tile = i % job->tiles, groups = job->norm->groups;
        const float *x = job->x->data + (picture * job->rows + tile * job->tile_rows) * job->x->c;

        job->kernels->moments(
                        x, rows_in_tile(job, tile), job->x->c, groups, job->means + i * groups,
                        job->squares + i * groups, scratch);
}

/* Chan, Golub, LeVeque 1979: the moments of a union from those of its parts; here all parts of one group in
 * turn. */
static void join_moments(
                const NormJob *job, size_t picture, size_t group, float *ret_mean, float *ret_factor)
{
        const size_t width = job->x->c / job->norm->groups;
        double count = 0, mean = 0, squares = 0;

        for (size_t tile = 0; tile < job->tiles; tile++) {
                size_t at = (picture * job->tiles + tile) * job->norm->groups + group;
                double n = (double)(rows_in_tile(job, tile) * width), d = job->means[at] - mean;

                squares += job->squares[at] + d * d * count * n / (count + n);
                mean += d * n / (count + n);
                count += n;
        }
        *ret_mean = (float)mean;
        *ret_factor = (float)(1 / sqrt(squares / count + (double)job->norm->eps));
}

static void spread_moments(const NormJob *job)
{
        const size_t width = job->x->c / job->norm->groups;

        for (size_t picture = 0; picture < job->x->n; picture++)
                for (size_t group = 0; group < job->norm->groups; group++) {
                        float mean, factor;

                        join_moments(job, picture, group, &mean, &factor);
                        for (size_t i = 0; i < width; i++) {
                                size_t channel = group * width + i, at = picture * job->x->c + channel;
                                job->mean[at] = mean;
                                job->factor[at] = factor * job->norm->gamma[channel];
                        }
                }
}

static void normalise_tile(const void *userdata, size_t i, float *scratch)
{
        const NormJob *job = userdata;
        const size_t picture = i / job->tiles, tile = i % job->tiles, channels = job->x->c;
        const size_t at = (picture * job->rows + tile * job->tile_rows) * channels;

        (void)scratch;
        job->kernels->normalise(
                        tensor_at(job->out, at), job->x->data + at, rows_in_tile(job, tile), channels,
                        job->mean + picture * channels, job->factor + picture * channels, job->norm->beta,
                        job->silu, job->out->type == TENSOR_BF16);
}

static NormJob new_job(const Norm *norm, const Tensor *x)
{
        NormJob job = { .kernels = kernels_get(), .norm = norm, .x = x, .rows = (size_t)x->h * x->w };

        assert(x->type == TENSOR_F32 && x->c == norm->channels && x->c % norm->groups == 0);
        job.tile_rows = MAX(TILE_FLOATS / x->c, 1u);
        job.tiles = (job.rows + job.tile_rows - 1) / job.tile_rows;
        return job;
}

GroupMoments group_moments(Compute *c, const Norm *norm, const Tensor *x)
{
        NormJob job = new_job(norm, x);

        job.mean = compute_alloc(c, (size_t)x->n * x->c);
        job.factor = compute_alloc(c, (size_t)x->n * x->c);
        ArenaMark mark = arena_mark(c->arena);
        job.means = compute_alloc(c, x->n * job.tiles * norm->groups);
        job.squares = compute_alloc(c, x->n * job.tiles * norm->groups);
        const WorkKind before = compute_work(c, WORK_NORM, 0);
        compute_tiles(c, x->n * job.tiles, x->c, moments_tile, &job);
        if (c->error == 0 && !compute_cancelled(c))
                spread_moments(&job);
        compute_work_as(c, before);
        arena_release(c->arena, mark);
        return (GroupMoments) { .mean = job.mean, .factor = job.factor };
}

void group_normalise(
                Compute *c, const Norm *norm, const GroupMoments *moments, uint32_t picture, const Tensor *x, bool silu,
                const Tensor *out)
{
        const size_t first = (size_t)picture * x->c;
        NormJob job = new_job(norm, x);

        assert(tensor_elements(out) == tensor_elements(x));
        if (c->error < 0)
                return;
        job.out = out;
        job.silu = silu;
        job.mean = moments->mean + first;
        job.factor = moments->factor + first;
        const WorkKind before = compute_work(c, WORK_NORM, 0);
        compute_tiles(c, x->n * job.tiles, 0, normalise_tile, &job);
        compute_work_as(c, before);
}

void group_norm(Compute *c, const Norm *norm, const Tensor *x, bool silu, const Tensor *out)
{
        ArenaMark mark = arena_mark(c->arena);
        const GroupMoments moments = group_moments(c, norm, x);

        group_normalise(c, norm, &moments, 0, x, silu, out);
        arena_release(c->arena, mark);
}

static void layer_norm_tile(const void *userdata, size_t i, float *scratch)
{
        const NormJob *job = userdata;
        const size_t first = i * job->tile_rows, at = first * job->x->c, rows = rows_in_tile(job, i);
        const Norm *norm = job->norm;
        void *to = tensor_at(job->out, at);

        if (job->out->type == TENSOR_BYTES)
                job->kernels->layer_norm_bytes(
                                to, job->out->scales + first, job->x->data + at, rows, job->x->c, norm->gamma,
                                norm->beta, norm->eps, scratch);
        else
                job->kernels->layer_norm(
                                to, job->x->data + at, rows, job->x->c, norm->gamma, norm->beta, norm->eps,
                                job->out->type == TENSOR_BF16);
}

void layer_norm(Compute *c, const Norm *norm, const Tensor *x, const Tensor *out)
{
        NormJob job = { .kernels = kernels_get(), .norm = norm, .x = x, .out = out };

        assert(x->type == TENSOR_F32 && x->c == norm->channels && out->c == x->c);
        job.rows = tensor_rows(x);
        job.tile_rows = MAX(TILE_FLOATS / x->c, 1u);
        job.tiles = (job.rows + job.tile_rows - 1) / job.tile_rows;
        const WorkKind before = compute_work(c, WORK_NORM, 0);
        compute_tiles(c, job.tiles, x->c, layer_norm_tile, &job);
        compute_work_as(c, before);
}

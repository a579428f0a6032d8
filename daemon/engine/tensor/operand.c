/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/operand.h"

#define TILE_ELEMENTS 16384

typedef struct ConvertJob {
        const Kernels *kernels;
        const Tensor *x;
        char *data;
        size_t length; /* elements of a row, filled up to whole groups */
        size_t tile_rows, tiles; /* of one picture */
        float *ranges; /* [picture][tile][2]: the least and the largest number */
        ByteScale *scales;
        bool by_picture;
} ConvertJob;

static size_t picture_rows(const ConvertJob *job)
{
        return (size_t)job->x->h * job->x->w;
}

static const void *row_at(const ConvertJob *job, size_t row)
{
        return tensor_at(job->x, row * job->x->c);
}

static bool of_halves(const ConvertJob *job)
{
        return job->x->type == TENSOR_BF16;
}

typedef struct RowSpan {
        size_t begin, end;
} RowSpan;

static RowSpan rows_of_tile(const ConvertJob *job, size_t i)
{
        const size_t begin = i % job->tiles * job->tile_rows, picture = i / job->tiles * picture_rows(job);
        return (RowSpan) { picture + begin, picture + MIN(begin + job->tile_rows, picture_rows(job)) };
}

static void narrow_tile(const void *userdata, size_t i, float *scratch)
{
        const ConvertJob *job = userdata;
        const RowSpan span = rows_of_tile(job, i);
        const size_t channels = job->x->c;

        (void)scratch;
        for (size_t row = span.begin; row < span.end; row++) {
                uint16_t *to = (uint16_t *)job->data + row * job->length;

                if (of_halves(job))
                        memcpy(to, row_at(job, row), channels * sizeof *to);
                else
                        job->kernels->narrow(to, row_at(job, row), channels);
                memset(to + channels, 0, (job->length - channels) * sizeof *to);
        }
}

static void range_tile(const void *userdata, size_t i, float *scratch)
{
        const ConvertJob *job = userdata;
        const RowSpan span = rows_of_tile(job, i);
        float *ret = job->ranges + 2 * i;

        (void)scratch;
        ret[0] = ret[1] = 0;
        for (size_t row = span.begin; row < span.end; row++) {
                float least, most;

                job->kernels->range(row_at(job, row), job->x->c, of_halves(job), &least, &most);
                ret[0] = MIN(ret[0], least);
                ret[1] = MAX(ret[1], most);
        }
}

static void spread_ranges(const ConvertJob *job)
{
        for (size_t picture = 0; picture < job->x->n; picture++) {
                const float *ranges = job->ranges + 2 * picture * job->tiles;
                float least = 0, most = 0;

                for (size_t tile = 0; tile < job->tiles; tile++) {
                        least = MIN(least, ranges[2 * tile]);
                        most = MAX(most, ranges[2 * tile + 1]);
                }
                job->scales[picture] = byte_scale_of(least, most);
        }
}

static void quantise_tile(const void *userdata, size_t i, float *scratch)
{
        const ConvertJob *job = userdata;
        const RowSpan span = rows_of_tile(job, i);
        const size_t channels = job->x->c;

        (void)scratch;
        for (size_t row = span.begin; row < span.end; row++) {
                uint8_t *to = (uint8_t *)job->data + row * job->length;
                const void *from = row_at(job, row);
                ByteScale *scale = &job->scales[job->by_picture ? i / job->tiles : row];

                if (!job->by_picture) {
                        float least, most;
                        job->kernels->range(from, channels, of_halves(job), &least, &most);
                        *scale = byte_scale_of(least, most);
                }
                job->kernels->quantise(to, from, channels, of_halves(job), *scale);
                memset(to + channels, 0, job->length - channels); /* weights there are 0 */
        }
}

/* Bytes of zero are those that stand for it. */
static char *zeros_new(Compute *c, const ConvertJob *job, size_t bytes)
{
        const size_t count = job->scales && job->by_picture ? job->x->n : 1;
        char *ret = (char *)compute_alloc(c, (count * bytes + sizeof(float) - 1) / sizeof(float));

        for (size_t i = 0; ret && i < count; i++)
                memset(ret + i * bytes, job->scales && job->by_picture ? job->scales[i].zero : 0, bytes);
        return ret;
}

static void convert_to_bytes(Compute *c, ConvertJob *job)
{
        const size_t n_scales = job->by_picture ? job->x->n : tensor_rows(job->x), n_tiles = job->x->n * job->tiles;

        job->scales = (ByteScale *)compute_alloc(c, n_scales * sizeof(ByteScale) / sizeof(float));
        if (job->by_picture) {
                job->ranges = compute_alloc(c, 2 * n_tiles);
                compute_tiles(c, n_tiles, 0, range_tile, job);
                if (c->error == 0 && !compute_cancelled(c))
                        spread_ranges(job);
                else if (c->error == 0)
                        memset(job->scales, 0, n_scales * sizeof(ByteScale));
        }
        compute_tiles(c, n_tiles, 0, quantise_tile, job);
}

static bool fits(const Products *products, const Tensor *x)
{
        return products_element(products) == tensor_element(x) && x->c % products->step == 0;
}

Operand operand_of(Compute *c, const Kernels *kernels, const Products *products, const Tensor *x, bool by_picture)
{
        ConvertJob job = { .kernels = kernels,
                           .x = x,
                           .length = products_length(products, x->c),
                           .tile_rows = MAX(TILE_ELEMENTS / x->c, 1u),
                           .by_picture = by_picture };
        Operand ret = { .data = (const char *)x->data, .by_picture = by_picture };

        assert(products->group > 1 || x->type == TENSOR_F32);
        assert(x->type != TENSOR_BYTES || (fits(products, x) && !by_picture));
        ret.stride = ret.beyond_stride = job.length * products_element(products);
        job.tiles = (picture_rows(&job) + job.tile_rows - 1) / job.tile_rows;
        if (!fits(products, x)) {
                job.data = (char *)compute_alloc(c, (tensor_rows(x) * ret.stride + sizeof(float) - 1) / sizeof(float));
                ret.data = job.data;
                if (products->precision == PRECISION_INT8)
                        convert_to_bytes(c, &job);
                else
                        compute_tiles(c, x->n * job.tiles, 0, narrow_tile, &job);
        }
        ret.scales = job.scales ? job.scales : x->scales;
        ret.beyond = zeros_new(c, &job, ret.stride);
        if (!job.scales || !by_picture)
                ret.beyond_stride = 0;
        return ret;
}

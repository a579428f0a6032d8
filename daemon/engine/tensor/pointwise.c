/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/pointwise.h"

#define TILE_FLOATS 16384

typedef struct PointwiseJob {
        const Tensor *a, *b, *out;
        size_t tile; /* floats, or rows */
} PointwiseJob;

static void relu_tile(const void *userdata, size_t i, float *scratch)
{
        const PointwiseJob *job = userdata;
        const size_t at = i * job->tile, n = MIN(job->tile, tensor_elements(job->a) - at);
        const float *from = job->a->data + at;
        float *to = job->out->data + at;

        (void)scratch;
        for (size_t j = 0; j < n; j++)
                to[j] = from[j] > 0 ? from[j] : 0;
}

void tensor_relu(Compute *c, const Tensor *x, const Tensor *out)
{
        PointwiseJob job = { .a = x, .out = out, .tile = TILE_FLOATS };

        assert(tensor_elements(x) == tensor_elements(out));
        compute_tiles(c, (tensor_elements(x) + job.tile - 1) / job.tile, 0, relu_tile, &job);
}

static void concat_tile(const void *userdata, size_t i, float *scratch)
{
        const PointwiseJob *job = userdata;
        const Tensor *a = job->a, *b = job->b, *out = job->out;
        const size_t begin = i * job->tile, end = MIN(begin + job->tile, tensor_rows(a));

        (void)scratch;
        for (size_t row = begin; row < end; row++) {
                memcpy(out->data + row * out->c, a->data + row * a->c, a->c * sizeof(float));
                memcpy(out->data + row * out->c + a->c, b->data + row * b->c, b->c * sizeof(float));
        }
}

void tensor_concat(Compute *c, const Tensor *a, const Tensor *b, const Tensor *out)
{
        PointwiseJob job = { .a = a, .b = b, .out = out, .tile = MAX(TILE_FLOATS / out->c, 1u) };

        assert(tensor_rows(a) == tensor_rows(b) && out->c == a->c + b->c);
        compute_tiles(c, (tensor_rows(a) + job.tile - 1) / job.tile, 0, concat_tile, &job);
}

void tensor_copy(Compute *c, const Tensor *x, const Tensor *out)
{
        assert(tensor_elements(x) == tensor_elements(out));
        if (c->error == 0 && !compute_cancelled(c))
                memcpy(out->data, x->data, tensor_elements(x) * sizeof *x->data);
}

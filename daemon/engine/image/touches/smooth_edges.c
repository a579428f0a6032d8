/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/touches/luma.h"
#include "engine/image/touches/separable.h"
#include "engine/image/touches/smooth_edges.h"

#define SIGMA 2.0 /* of the surroundings whose direction counts, in pixels: some stairs wide */
#define STEPS 6 /* of one pixel each, both ways along the edge */
#define SIGMA_STEPS 3.0 /* of their weights */
#define COLOURS 3

/* Edges begin to be smoothed at the first and are at the second: the slope in brightness a pixel, squared; and
 * how much of it goes in one direction, 0 to 1. */
static const float slope_range[2] = { 0.0004F, 0.0025F };
static const float coherence_range[2] = { 0.3F, 0.7F };

typedef struct Smoothing {
        const Tensor *picture, *original, *luma;
        const Tensor *tensor; /* [1, h, w, 3]: products of the slopes xx, yy, xy */
        const Tensor *field; /* [1, h, w, 3]: direction x, y, and how much to smooth */
        float weights[STEPS + 1], strength;
} Smoothing;

static void find_slopes(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Smoothing *s = job;
        const size_t w = s->luma->w, h = s->luma->h;
        const float *above = s->luma->data + (y > 0 ? y - 1 : 0) * w, *row = s->luma->data + y * w,
                    *below = s->luma->data + MIN(y + 1, h - 1) * w;

        for (size_t x = 0; x < w; x++) {
                const size_t l = x > 0 ? x - 1 : 0, r = MIN(x + 1, w - 1);
                /* Scharr's weights, which know directions better than Sobel's. */
                const float dx = (3 * (above[r] - above[l]) + 10 * (row[r] - row[l]) + 3 * (below[r] - below[l])) / 32;
                const float dy = (3 * (below[l] - above[l]) + 10 * (below[x] - above[x]) + 3 * (below[r] - above[r])) /
                                 32;
                float *out = s->tensor->data + (y * w + x) * 3;

                out[0] = dx * dx;
                out[1] = dy * dy;
                out[2] = dx * dy;
        }
}

/* 0 up to the first, 1 from the second on. */
static float ramp(float value, const float range[static 2])
{
        return fminf(fmaxf((value - range[0]) / (range[1] - range[0]), 0), 1);
}

/* The direction across the steepest slope, and how clear it is: eigenvectors and eigenvalues of the tensor. */
static void find_direction(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Smoothing *s = job;

        for (size_t i = y * s->field->w; i < (y + 1) * s->field->w; i++) {
                const float *t = s->tensor->data + 3 * i;
                float *out = s->field->data + 3 * i;
                const float half = (t[0] - t[1]) / 2, sum = t[0] + t[1];
                const float root = sqrtf(half * half + t[2] * t[2]), largest = sum / 2 + root;
                const float dx = half >= 0 ? half + root : t[2], dy = half >= 0 ? t[2] : root - half;
                const float length = sqrtf(dx * dx + dy * dy);

                out[0] = length > 0 ? -dy / length : 0;
                out[1] = length > 0 ? dx / length : 0;
                out[2] = length > 0 ? s->strength * ramp(largest, slope_range) * ramp(2 * root / sum, coherence_range)
                                    : 0;
        }
}

typedef struct Point {
        float x, y;
} Point;

static Point inside(const Tensor *t, Point p)
{
        return (Point) { fminf(fmaxf(p.x, 0), (float)(t->w - 1)), fminf(fmaxf(p.y, 0), (float)(t->h - 1)) };
}

/* Adds the weighted colour there, between the four pixels around. */
static void add_sample(const Tensor *t, Point p, float weight, float *sums)
{
        const size_t left = (size_t)p.x, top = (size_t)p.y;
        const size_t right = MIN(left + 1, (size_t)t->w - 1), bottom = MIN(top + 1, (size_t)t->h - 1);
        const float fx = p.x - (float)left, fy = p.y - (float)top;
        const float *a = t->data + (top * t->w + left) * COLOURS, *b = t->data + (top * t->w + right) * COLOURS,
                    *c = t->data + (bottom * t->w + left) * COLOURS, *d = t->data + (bottom * t->w + right) * COLOURS;

        for (int i = 0; i < COLOURS; i++) {
                const float upper = a[i] + fx * (b[i] - a[i]), lower = c[i] + fx * (d[i] - c[i]);
                sums[i] += weight * (upper + fy * (lower - upper));
        }
}

/* From a pixel along the edge, one way: each step goes where the edge goes there, never back. */
static void follow(const Smoothing *s, Point p, float way, float *sums)
{
        const Tensor *field = s->field;
        Point heading = {};

        for (int step = 1; step <= STEPS; step++) {
                const float *at = field->data +
                                  ((size_t)(p.y + 0.5F) * field->w + (size_t)(p.x + 0.5F)) * 3;
                if (step > 1)
                        way = at[0] * heading.x + at[1] * heading.y < 0 ? -1 : 1;
                heading = (Point) { way * at[0], way * at[1] };
                p = inside(field, (Point) { p.x + heading.x, p.y + heading.y });
                add_sample(s->original, p, s->weights[step], sums);
        }
}

static void smooth_row(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Smoothing *s = job;

        for (size_t x = 0; x < s->picture->w; x++) {
                const size_t i = y * s->picture->w + x;
                const float amount = s->field->data[3 * i + 2], *here = s->original->data + COLOURS * i;
                const Point p = { (float)x, (float)y };
                float sums[COLOURS];

                if (!(amount > 0))
                        continue;
                for (int c = 0; c < COLOURS; c++)
                        sums[c] = s->weights[0] * here[c];
                follow(s, p, 1, sums);
                follow(s, p, -1, sums);
                for (int c = 0; c < COLOURS; c++)
                        s->picture->data[COLOURS * i + c] = here[c] + amount * (sums[c] - here[c]);
        }
}

static void weigh_steps(Smoothing *s)
{
        double weights[STEPS + 1], sum = 0;

        for (int i = 0; i <= STEPS; i++) {
                weights[i] = exp(-i * i / (2 * SIGMA_STEPS * SIGMA_STEPS));
                sum += i > 0 ? 2 * weights[i] : weights[i];
        }
        for (int i = 0; i <= STEPS; i++)
                s->weights[i] = (float)(weights[i] / sum);
}

int smooth_edges(Compute *compute, const Tensor *picture, double strength)
{
        if (strength <= 0)
                return 0;

        const uint32_t h = picture->h, w = picture->w;
        ArenaMark mark = arena_mark(compute->arena);
        Tensor luma = luma_plane(compute, picture), original = compute_tensor(compute, 1, h, w, COLOURS);
        Tensor tensor = compute_tensor(compute, 1, h, w, 3), field = compute_tensor(compute, 1, h, w, 3);
        /* The products lie where the directions will be, until they are blurred. */
        Smoothing job = { .picture = picture, .original = &original, .luma = &luma, .tensor = &field,
                          .field = &field, .strength = (float)strength };

        weigh_steps(&job);
        if (compute->error == 0) {
                memcpy(original.data, picture->data, tensor_elements(picture) * sizeof(float));
                compute_tiles(compute, h, 0, find_slopes, &job);
                gaussian_blur(compute, &field, SIGMA, &tensor);
                job.tensor = &tensor;
                compute_tiles(compute, h, 0, find_direction, &job);
                compute_tiles(compute, h, 0, smooth_row, &job);
        }
        arena_release(compute->arena, mark);
        return compute_finish(compute);
}

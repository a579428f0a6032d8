/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/touches/remove_artefacts.h"

#define RADIUS 4 /* pixels that count around each */
#define SIGMA 2.0 /* of the weights by distance */
#define LARGEST 0.2 /* difference that counts at full strength: root of the mean of the colours' squares */
#define COLOURS 3

/* The colours apart, with their edges repeated RADIUS pixels around: loops over a row have no border then. */
typedef struct Planes {
        size_t width, height; /* with the border */
        float *data; /* [colour][height][width] */
} Planes;

typedef struct Removal {
        const Tensor *picture;
        Planes planes;
        float nearness[2 * RADIUS + 1][2 * RADIUS + 1];
        float sharpness; /* times the sum of squared differences is 1 where they begin not to count */
} Removal;

static const float *plane_row(const Planes *planes, size_t colour, size_t y)
{
        return planes->data + (colour * planes->height + y) * planes->width;
}

static void split_row(const void *job, size_t y, float *scratch)
{
        (void)scratch;
        const Removal *r = job;
        const size_t width = r->picture->w, from_y = MIN(y > RADIUS ? y - RADIUS : 0, (size_t)r->picture->h - 1);
        const float *from = r->picture->data + from_y * width * COLOURS;

        for (size_t colour = 0; colour < COLOURS; colour++) {
                float *to = r->planes.data + (colour * r->planes.height + y) * r->planes.width;
                for (size_t x = 0; x < r->planes.width; x++)
                        to[x] = from[MIN(x > RADIUS ? x - RADIUS : 0, width - 1) * COLOURS + colour];
        }
}

/* Adds what the pixels beside those of the row count, all displaced the same way. */
static void count_neighbours(const Removal *r, size_t y, size_t i, size_t j, float *sums)
{
        const size_t width = r->picture->w;
        const float *here[COLOURS], *there[COLOURS];
        float *weights = sums + COLOURS * width, nearness = r->nearness[j][i], sharpness = r->sharpness;

        for (size_t c = 0; c < COLOURS; c++) {
                here[c] = plane_row(&r->planes, c, y + RADIUS) + RADIUS;
                there[c] = plane_row(&r->planes, c, y + j) + i;
        }
        for (size_t x = 0; x < width; x++) {
                const float red = there[0][x] - here[0][x], green = there[1][x] - here[1][x],
                            blue = there[2][x] - here[2][x];
                const float rest = 1 - (red * red + green * green + blue * blue) * sharpness;
                const float likeness = rest > 0 ? rest : 0, weight = nearness * likeness * likeness;

                sums[x] += weight * red;
                sums[width + x] += weight * green;
                sums[2 * width + x] += weight * blue;
                weights[x] += weight;
        }
}

static void remove_row(const void *job, size_t y, float *sums)
{
        const Removal *r = job;
        const size_t width = r->picture->w;
        float *out = r->picture->data + y * width * COLOURS;

        memset(sums, 0, (COLOURS + 1) * width * sizeof *sums);
        for (size_t j = 0; j <= 2 * RADIUS; j++)
                for (size_t i = 0; i <= 2 * RADIUS; i++)
                        count_neighbours(r, y, i, j, sums);
        for (size_t x = 0; x < width; x++)
                for (size_t c = 0; c < COLOURS; c++)
                        out[x * COLOURS + c] += sums[c * width + x] / sums[COLOURS * width + x];
}

int remove_artefacts(Compute *compute, const Tensor *picture, double strength)
{
        if (strength <= 0)
                return 0;

        const double largest = LARGEST * strength;
        ArenaMark mark = arena_mark(compute->arena);
        Removal job = {
                .picture = picture,
                .planes = { .width = (size_t)picture->w + 2 * RADIUS, .height = (size_t)picture->h + 2 * RADIUS },
                .sharpness = (float)fmin(1 / (COLOURS * largest * largest), FLT_MAX),
        };

        for (int j = -RADIUS; j <= RADIUS; j++)
                for (int i = -RADIUS; i <= RADIUS; i++)
                        job.nearness[j + RADIUS][i + RADIUS] = (float)exp(-(i * i + j * j) / (2 * SIGMA * SIGMA));
        job.planes.data = compute_alloc(compute, COLOURS * job.planes.width * job.planes.height);
        compute_tiles(compute, job.planes.height, 0, split_row, &job);
        compute_tiles(compute, picture->h, (COLOURS + 1) * (size_t)picture->w, remove_row, &job);
        arena_release(compute->arena, mark);
        return compute_finish(compute);
}

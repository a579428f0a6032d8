/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/touches/upscaler.h"
#include "engine/layers/loader.h"
#include "engine/tensor/convolution.h"

#define COLOURS 3
#define SCALE_MIN 2
#define SCALE_MAX 4
#define TILE 256 /* the longest side of what is computed at once, without its margin */

typedef struct Layer {
        Matrix matrix;
        float *slopes; /* NULL for the last */
} Layer;

struct Upscaler {
        Arena *arena;
        uint32_t scale, width, n_layers;
        Layer *layers;
};

/* Reads the plan of the network off the shapes of its first and last convolution. */
static int read_plan(Upscaler *u, const Weights *weights, Error *error)
{
        uint64_t first[4], last[4];

        while (u->n_layers <= UPSCALER_LAYERS_MAX + 2 && weights_has(weights, "body.%u.weight", 2 * u->n_layers))
                u->n_layers++;
        if (u->n_layers < 2 || !weights_shape(weights, first, 4, "body.0.weight") || first[1] != COLOURS ||
            first[2] != 3 || first[3] != 3 ||
            !weights_shape(weights, last, 4, "body.%u.weight", 2 * (u->n_layers - 1)))
                return error_set(error, -EOPNOTSUPP,
                                 "upscaler: only networks of the SRVGGNetCompact kind are supported");
        if (first[0] < 1 || first[0] > UPSCALER_WIDTH_MAX || u->n_layers > UPSCALER_LAYERS_MAX + 2)
                return error_set(error, -EOPNOTSUPP, "upscaler: wider than %u channels or deeper than %u layers",
                                 UPSCALER_WIDTH_MAX, UPSCALER_LAYERS_MAX);

        for (uint32_t scale = SCALE_MIN; scale <= SCALE_MAX; scale++)
                if (last[0] == (uint64_t)COLOURS * scale * scale)
                        u->scale = scale;
        if (u->scale == 0)
                return error_set(error, -EOPNOTSUPP, "upscaler: %llu channels in the end make no scale of %u to %u",
                                 (unsigned long long)last[0], SCALE_MIN, SCALE_MAX);
        u->width = (uint32_t)first[0];
        return 0;
}

static int check_plan(const Upscaler *u, const UpscalerConfig *config, Error *error)
{
        if ((config->scale && config->scale != u->scale) || (config->width && config->width != u->width) ||
            (config->layers && config->layers + 2 != u->n_layers))
                return error_set(error, -EBADMSG,
                                 "upscaler: its weights have scale %u, num_feat %u, num_conv %u; its config "
                                 "says otherwise",
                                 u->scale, u->width, u->n_layers - 2);
        return 0;
}

int upscaler_new(Upscaler **ret, const UpscalerConfig *config, const Weights *weights, Error *error)
{
        _cleanup_(upscaler_freep) Upscaler *u = calloc(1, sizeof *u);
        if (!u || !(u->arena = loader_arena_new(weights)))
                return error_set(error, -ENOMEM, "upscaler: out of memory");

        int r = read_plan(u, weights, error);
        if (r >= 0)
                r = check_plan(u, config, error);
        if (r < 0)
                return r;

        Loader loader = { .weights = weights, .arena = u->arena, .error = error };
        u->layers = load_array(&loader, u->n_layers, sizeof *u->layers);
        for (uint32_t i = 0; i < u->n_layers && loader.r == 0; i++) {
                const bool last = i == u->n_layers - 1;

                load_matrix(&loader, &u->layers[i].matrix, LAYER_CONV3, i == 0 ? COLOURS : u->width,
                            last ? COLOURS * u->scale * u->scale : u->width, "body.%u", 2 * i);
                if (!last)
                        u->layers[i].slopes = load_vector(&loader, u->width, "body.%u", 2 * i + 1);
        }
        if (loader.r < 0)
                return loader.r;

        *ret = TAKE_PTR(u);
        return 0;
}

Upscaler *upscaler_free(Upscaler *upscaler)
{
        if (!upscaler)
                return NULL;
        (void)arena_free(upscaler->arena);
        free(upscaler);
        return NULL;
}

uint32_t upscaler_scale(const Upscaler *upscaler)
{
        return upscaler->scale;
}

/* A part of the picture: what is wanted of it, and where the tensor that has it with its margin begins. */
typedef struct Tile {
        uint32_t x, y, w, h;
        uint32_t left, top;
} Tile;

static Tensor cut_out(Compute *c, const Tensor *picture, const Tile *tile, uint32_t margin)
{
        const uint32_t right = MIN(tile->x + tile->w + margin, picture->w),
                       bottom = MIN(tile->y + tile->h + margin, picture->h);
        Tensor part = compute_tensor(c, 1, bottom - tile->top, right - tile->left, COLOURS);

        for (size_t y = 0; part.data && y < part.h; y++)
                memcpy(part.data + y * part.w * COLOURS,
                       picture->data + ((tile->top + y) * picture->w + tile->left) * COLOURS,
                       (size_t)part.w * COLOURS * sizeof(float));
        return part;
}

typedef struct Shuffle {
        const Tile *tile;
        const Tensor *part, *residual; /* [1, h, w, 3], [1, h, w, 3 * scale²] */
        const Tensor *out;
        uint32_t scale;
} Shuffle;

/* One row of the tile, which makes `scale` rows of the result. */
static void shuffle_row(const void *job, size_t row, float *scratch)
{
        (void)scratch;
        const Shuffle *s = job;
        const uint32_t scale = s->scale, shuffled = scale * scale;
        const size_t at = (s->tile->y - s->tile->top + row) * s->part->w + s->tile->x - s->tile->left;
        const float *base = s->part->data + at * COLOURS, *residual = s->residual->data + at * COLOURS * shuffled;
        const size_t to = ((s->tile->y + row) * scale * s->out->w + (size_t)s->tile->x * scale) * COLOURS;

        for (uint32_t x = 0; x < s->tile->w; x++, base += COLOURS, residual += (size_t)COLOURS * shuffled)
                for (uint32_t i = 0; i < shuffled; i++) {
                        float *out = s->out->data + to + (size_t)(i / scale) * s->out->w * COLOURS +
                                     ((size_t)x * scale + i % scale) * COLOURS;
                        for (uint32_t colour = 0; colour < COLOURS; colour++)
                                out[colour] = base[colour] + residual[(size_t)colour * shuffled + i];
                }
}

static void run_tile(const Upscaler *u, Compute *c, const Tensor *picture, const Tile *tile, const Tensor *out)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor part = cut_out(c, picture, tile, u->n_layers), x = part;
        Tensor turns[2] = { compute_tensor(c, 1, part.h, part.w, u->width),
                            compute_tensor(c, 1, part.h, part.w, u->width) };
        Tensor last = compute_tensor(c, 1, part.h, part.w, COLOURS * u->scale * u->scale);

        for (uint32_t i = 0; i < u->n_layers - 1; i++) {
                Tensor next = turns[i % 2];
                convolution_prelu(c, &u->layers[i].matrix, u->layers[i].slopes, &x, &next);
                x = next;
        }
        convolution(c, &u->layers[u->n_layers - 1].matrix, CONVOLUTION_SAME, &x, NULL, NULL, &last);

        Shuffle shuffle = { .tile = tile, .part = &part, .residual = &last, .out = out, .scale = u->scale };
        compute_tiles(c, tile->h, 0, shuffle_row, &shuffle);
        arena_release(c->arena, mark);
}

static uint32_t below(uint32_t at, uint32_t margin)
{
        return at > margin ? at - margin : 0;
}

int upscaler_forward(const Upscaler *u, Compute *compute, const Tensor *picture, Tensor *ret)
{
        if (picture->n != 1 || picture->c != COLOURS || tensor_rows(picture) == 0 ||
            picture->h > UINT32_MAX / SCALE_MAX || picture->w > UINT32_MAX / SCALE_MAX)
                return -EINVAL;

        /* Tiles as even as they can be: margins cost the more, the more tiles there are. */
        const uint32_t rows = (picture->h + TILE - 1) / TILE, columns = (picture->w + TILE - 1) / TILE;
        Tensor out = compute_tensor(compute, 1, picture->h * u->scale, picture->w * u->scale, COLOURS);

        for (uint32_t i = 0; i < rows * columns && compute->error == 0 && !compute_cancelled(compute); i++) {
                const uint64_t row = i / columns, column = i % columns;
                Tile tile = { .x = (uint32_t)(column * picture->w / columns),
                              .y = (uint32_t)(row * picture->h / rows) };

                tile.w = (uint32_t)((column + 1) * picture->w / columns) - tile.x;
                tile.h = (uint32_t)((row + 1) * picture->h / rows) - tile.y;
                tile.left = below(tile.x, u->n_layers);
                tile.top = below(tile.y, u->n_layers);
                run_tile(u, compute, picture, &tile, &out);
        }
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

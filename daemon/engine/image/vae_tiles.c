/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/vae_tiles.h"

/* How one side is cut: tiles of equal size, evenly placed. On a line the last ends where the side ends; on a ring, which has
 * no end, it goes on into the first. */
typedef struct Cut {
        uint32_t side, tile, n;
        bool ring;
} Cut;

static Cut cut_side(uint32_t side, uint32_t tile, uint32_t overlap, bool ring)
{
        const uint32_t step = tile - overlap;

        if (side <= tile)
                return (Cut) { .side = side, .tile = side, .n = 1 };
        return (Cut) { .side = side, .tile = tile, .n = ((ring ? side : side - overlap) + step - 1) / step, .ring = ring };
}

/* Also of the tile after the last. */
static uint32_t tile_begin(const Cut *cut, uint32_t i)
{
        if (cut->ring)
                return (uint32_t)((uint64_t)i * cut->side / cut->n);
        return cut->n > 1 ? (uint32_t)((uint64_t)i * (cut->side - cut->tile) / (cut->n - 1)) : 0;
}

/* The latents that tile i and the one after it share. */
static uint32_t shared_after(const Cut *cut, uint32_t i)
{
        return tile_begin(cut, i) + cut->tile - tile_begin(cut, i + 1);
}

/* How much tile i says at a pixel of its own, before all shares are divided by their sum: it rises from its border
 * through what it shares with its neighbour. */
static float share(const Cut *cut, uint32_t i, uint32_t factor, uint32_t at)
{
        float ret = 1;

        if (i > 0 || cut->ring) {
                float shared = (float)(shared_after(cut, i > 0 ? i - 1 : cut->n - 1) * factor);
                ret = MIN(ret, ((float)at + 0.5f) / shared);
        }
        if (i + 1 < cut->n || cut->ring) {
                float shared = (float)(shared_after(cut, i) * factor);
                ret = MIN(ret, ((float)(cut->tile * factor - at) - 0.5f) / shared);
        }
        return ret;
}

static void copy_tile(const Tensor *latents, uint32_t picture, uint32_t y, uint32_t x, const Tensor *ret)
{
        for (uint32_t row = 0; row < ret->h; row++) {
                const float *from = latents->data + ((size_t)picture * latents->h + (y + row) % latents->h) * latents->w * latents->c;
                float *to = ret->data + (size_t)row * ret->w * ret->c;

                for (uint32_t column = 0; column < ret->w; column++)
                        memcpy(to + (size_t)column * ret->c, from + (size_t)((x + column) % latents->w) * ret->c,
                               ret->c * sizeof(float));
        }
}

/* Where a decoded tile goes. */
typedef struct Place {
        const Cut *rows, *columns;
        uint32_t i, j; /* which of them */
        uint32_t factor;
} Place;

static void add_tile(const Place *p, const Tensor *tile, float *picture, float *sums)
{
        const size_t height = (size_t)p->rows->side * p->factor, width = (size_t)p->columns->side * p->factor;
        const size_t y0 = (size_t)tile_begin(p->rows, p->i) * p->factor,
                     x0 = (size_t)tile_begin(p->columns, p->j) * p->factor;

        for (uint32_t y = 0; y < tile->h; y++) {
                const float row_share = share(p->rows, p->i, p->factor, y);

                for (uint32_t x = 0; x < tile->w; x++) {
                        const float weight = row_share * share(p->columns, p->j, p->factor, x);
                        const float *from = tile->data + ((size_t)y * tile->w + x) * tile->c;
                        const size_t at = (y0 + y) % height * width + (x0 + x) % width;

                        for (uint32_t c = 0; c < tile->c; c++)
                                picture[at * tile->c + c] += weight * from[c];
                        sums[at] += weight;
                }
        }
}

/* A tile of a ring has ends; only one that is all of it has none. */
static int decode_tile(const Vae *vae, Compute *c, const Place *p, const Tensor *tile, Tensor *ret)
{
        const bool wrap_x = c->wrap_x, wrap_y = c->wrap_y;

        c->wrap_x = wrap_x && p->columns->n == 1;
        c->wrap_y = wrap_y && p->rows->n == 1;
        int r = vae_decode(vae, c, tile, ret);
        c->wrap_x = wrap_x;
        c->wrap_y = wrap_y;
        return r;
}

static int decode_picture(
                const Vae *vae, Compute *c, const Tensor *latents, uint32_t n, const Cut *rows,
                const Cut *columns, const Tensor *ret)
{
        const uint32_t factor = ret->h / latents->h;
        const size_t pixels = (size_t)ret->h * ret->w;
        float *picture = ret->data + n * pixels * ret->c, *sums = compute_alloc(c, pixels);
        Tensor tile = compute_tensor(c, 1, rows->tile, columns->tile, latents->c);
        int r = compute_finish(c);

        if (r >= 0) {
                memset(picture, 0, pixels * ret->c * sizeof(float));
                memset(sums, 0, pixels * sizeof(float));
        }
        for (uint32_t i = 0; i < rows->n; i++)
                for (uint32_t j = 0; j < columns->n && r >= 0 && !compute_cancelled(c); j++) {
                        const Place place = { rows, columns, i, j, factor };
                        ArenaMark mark = arena_mark(c->arena);
                        Tensor decoded = {};

                        copy_tile(latents, n, tile_begin(rows, i), tile_begin(columns, j), &tile);
                        r = decode_tile(vae, c, &place, &tile, &decoded);
                        if (r >= 0)
                                add_tile(&place, &decoded, picture, sums);
                        arena_release(c->arena, mark);
                }
        for (size_t i = 0; r >= 0 && i < pixels; i++)
                for (uint32_t k = 0; k < ret->c; k++)
                        picture[i * ret->c + k] /= sums[i];
        return r;
}

int vae_decode_tiles(
                const Vae *vae, Compute *compute, const Tensor *latents, uint32_t tile, uint32_t overlap,
                Tensor *ret)
{
        const VaeConfig *config = vae_config(vae);
        const uint32_t factor = vae_factor(config);

        if (latents->c != config->latent_channels || tensor_rows(latents) == 0 || tile <= overlap)
                return -EINVAL;
        const Cut rows = cut_side(latents->h, tile, overlap, compute->wrap_y),
                  columns = cut_side(latents->w, tile, overlap, compute->wrap_x);
        Tensor out = compute_tensor(compute, latents->n, latents->h * factor, latents->w * factor,
                                    config->out_channels);
        int r = compute_finish(compute);

        for (uint32_t n = 0; n < latents->n && r >= 0; n++) {
                ArenaMark mark = arena_mark(compute->arena);
                r = decode_picture(vae, compute, latents, n, &rows, &columns, &out);
                arena_release(compute->arena, mark);
        }
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

int vae_decode_any(const Vae *vae, Compute *compute, const Tensor *latents, Tensor *ret)
{
        if ((uint64_t)latents->h * latents->w <= VAE_WHOLE_MAX)
                return vae_decode(vae, compute, latents, ret);
        return vae_decode_tiles(vae, compute, latents, VAE_TILE, VAE_TILE_OVERLAP, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/vae_tiles.h"

/* How one side is cut: tiles of equal size, evenly placed, the last of which ends where the side ends. */
typedef struct Cut {
        uint32_t side, tile, n;
} Cut;

static Cut cut_side(uint32_t side, uint32_t tile, uint32_t overlap)
{
        if (side <= tile)
                return (Cut) { .side = side, .tile = side, .n = 1 };
        return (Cut) { .side = side, .tile = tile, .n = (side - overlap + tile - overlap - 1) / (tile - overlap) };
}

static uint32_t tile_begin(const Cut *cut, uint32_t i)
{
        return cut->n > 1 ? (uint32_t)((uint64_t)i * (cut->side - cut->tile) / (cut->n - 1)) : 0;
}

/* How much tile i says at a pixel of its own, before all shares are divided by their sum: it rises from its border
 * through what it shares with its neighbour. */
static float share(const Cut *cut, uint32_t i, uint32_t factor, uint32_t at)
{
        const uint32_t begin = tile_begin(cut, i), end = begin + cut->tile;
        float ret = 1;

        if (i > 0) {
                float shared = (float)((tile_begin(cut, i - 1) + cut->tile - begin) * factor);
                ret = MIN(ret, ((float)at + 0.5f) / shared);
        }
        if (i + 1 < cut->n) {
                float shared = (float)((end - tile_begin(cut, i + 1)) * factor);
                ret = MIN(ret, ((float)((end - begin) * factor - at) - 0.5f) / shared);
        }
        return ret;
}

static void copy_tile(const Tensor *latents, uint32_t picture, uint32_t y, uint32_t x, const Tensor *ret)
{
        for (uint32_t row = 0; row < ret->h; row++)
                memcpy(ret->data + (size_t)row * ret->w * ret->c,
                       latents->data + (((size_t)picture * latents->h + y + row) * latents->w + x) * ret->c,
                       (size_t)ret->w * ret->c * sizeof(float));
}

/* Where a decoded tile goes. */
typedef struct Place {
        const Cut *rows, *columns;
        uint32_t i, j; /* which of them */
        uint32_t factor;
} Place;

static void add_tile(const Place *p, const Tensor *tile, float *picture, float *sums, uint32_t width)
{
        const size_t y0 = (size_t)tile_begin(p->rows, p->i) * p->factor,
                     x0 = (size_t)tile_begin(p->columns, p->j) * p->factor;

        for (uint32_t y = 0; y < tile->h; y++) {
                const float row_share = share(p->rows, p->i, p->factor, y);

                for (uint32_t x = 0; x < tile->w; x++) {
                        const float weight = row_share * share(p->columns, p->j, p->factor, x);
                        const float *from = tile->data + ((size_t)y * tile->w + x) * tile->c;
                        const size_t at = (y0 + y) * width + x0 + x;

                        for (uint32_t c = 0; c < tile->c; c++)
                                picture[at * tile->c + c] += weight * from[c];
                        sums[at] += weight;
                }
        }
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
                        r = vae_decode(vae, c, &tile, &decoded);
                        if (r >= 0)
                                add_tile(&place, &decoded, picture, sums, ret->w);
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
        const Cut rows = cut_side(latents->h, tile, overlap), columns = cut_side(latents->w, tile, overlap);
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

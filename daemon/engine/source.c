/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/frame.h"
#include "engine/image/mask.h"
#include "engine/image/resize.h"
#include "engine/image/touches/separable.h"
#include "engine/source.h"

/* The colours of the picture on white, as floats. */
static int take_colours(Pipeline *p, const PictureJob *job, uint32_t w, uint32_t h, float **ret)
{
        const ReadPicture *picture = job->picture;
        const size_t n = (size_t)picture->width * picture->height;
        _cleanup_(freep) float *rgb = calloc(n, 3 * sizeof(float));
        (void)p;
        if (!rgb)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                const uint8_t *from = picture->rgba + i * 4;
                const float alpha = (float)from[3] / 255;
                for (int k = 0; k < 3; k++)
                        rgb[i * 3 + (size_t)k] = alpha * (float)from[k] / 255 + 1 - alpha;
        }
        return resize(rgb, picture->width, picture->height, 3, w, h, ret);
}

static int blur(Pipeline *p, double sigma, uint32_t w, uint32_t h, float *values)
{
        const size_t size = (size_t)w * h * sizeof(float);
        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor from = compute_tensor(&p->compute, 1, h, w, 1), to = compute_tensor(&p->compute, 1, h, w, 1);

        int r = compute_finish(&p->compute);
        if (r >= 0) {
                memcpy(from.data, values, size);
                gaussian_blur(&p->compute, &from, sigma, &to);
                r = compute_finish(&p->compute);
        }
        if (r >= 0)
                memcpy(values, to.data, size);
        arena_release(p->compute.arena, mark);
        return r;
}

/* How much the mask wants painted, with edges as soft as asked for. */
static int take_mask(Pipeline *p, const PictureJob *job, uint32_t w, uint32_t h, float **ret)
{
        const ReadPicture *mask = job->mask;
        const size_t n = (size_t)mask->width * mask->height;
        _cleanup_(freep) uint8_t *bytes = malloc(n);
        _cleanup_(freep) float *values = calloc(n, sizeof(float)), *resized = NULL;
        if (!bytes || !values)
                return -ENOMEM;

        mask_values(mask, (MaskPaints)job->request->mask_paints, bytes);
        for (size_t i = 0; i < n; i++)
                values[i] = (float)bytes[i] / 255;
        int r = resize(values, mask->width, mask->height, 1, w, h, &resized);
        if (r >= 0 && job->request->mask_blur > 0)
                r = blur(p, MIN(job->request->mask_blur * w / mask->width, REQUEST_MASK_BLUR_MAX), w, h, resized);
        if (r >= 0)
                *ret = TAKE_PTR(resized);
        return r;
}

/* What is drawn may be a little more than what is shown: the picture goes where that is, and its edges go on around it. */
static int place(float *fitted, uint32_t w, uint32_t h, uint32_t channels, const Resolved *r, float **ret)
{
        const Area area = frame_area(r);
        const uint32_t x0 = (uint32_t)MIN(area.x, (double)(r->drawn_width - w));
        const uint32_t y0 = (uint32_t)MIN(area.y, (double)(r->drawn_height - h));
        float *drawn = calloc((size_t)r->drawn_width * r->drawn_height, channels * sizeof(float));
        if (!drawn)
                return -ENOMEM;

        for (uint32_t y = 0; y < r->drawn_height; y++)
                for (uint32_t x = 0; x < r->drawn_width; x++) {
                        const uint32_t from_x = MIN(x - MIN(x, x0), w - 1), from_y = MIN(y - MIN(y, y0), h - 1);
                        memcpy(drawn + ((size_t)y * r->drawn_width + x) * channels,
                               fitted + ((size_t)from_y * w + from_x) * channels, channels * sizeof(float));
                }
        *ret = drawn;
        return 0;
}

typedef int (*take_t)(Pipeline *p, const PictureJob *job, uint32_t w, uint32_t h, float **ret);

static int take_placed(Pipeline *p, const PictureJob *job, take_t take, uint32_t channels, float **ret)
{
        const Resolved *r = job->resolved;
        const Area area = frame_area(r);
        const uint32_t w = (uint32_t)MAX(MIN(round(area.width), (double)r->drawn_width), 1.0);
        const uint32_t h = (uint32_t)MAX(MIN(round(area.height), (double)r->drawn_height), 1.0);
        _cleanup_(freep) float *fitted = NULL;

        int result = take(p, job, w, h, &fitted);
        return result < 0 ? result : place(fitted, w, h, channels, r, ret);
}

/* The means of the latents of pixels, what the mask covers made grey. */
static int encode(Pipeline *p, const float *pixels, const float *mask, uint32_t w, uint32_t h, float *ret, Error *error)
{
        const VaeConfig *vae = &p->model->vae;
        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor picture = compute_tensor(&p->compute, 1, h, w, 3), moments = {};
        int r = compute_finish(&p->compute);

        for (size_t i = 0; r >= 0 && i < (size_t)w * h * 3; i++)
                picture.data[i] = mask && mask[i / 3] > 0.5F ? 0 : pixels[i] * 2 - 1;
        if (r >= 0)
                r = vae_encode(p->vae, &p->compute, &picture, &moments);
        if (r == -ENODATA) { /* which most jobs never need */
                r = vae_load_encoder(p->vae, p->model->vae_weights, pipeline_ends_precision(p->precision), error);
                if (r >= 0)
                        r = vae_encode(p->vae, &p->compute, &picture, &moments);
        }
        r = pipeline_check(p, r, "init-image", error);
        const size_t n = r >= 0 ? (size_t)moments.h * moments.w : 0;
        for (uint32_t c = 0; c < vae->latent_channels; c++)
                for (size_t i = 0; i < n; i++)
                        ret[c * n + i] = (moments.data[i * moments.c + c] - vae->shift_factor) * vae->scaling_factor;
        arena_release(p->compute.arena, mark);
        return r;
}

static int take_masks(Source *s, Pipeline *p, const PictureJob *job, uint32_t w, uint32_t h)
{
        const uint32_t factor = vae_factor(&p->model->vae);

        int r = take_placed(p, job, take_mask, 1, &s->pixel_mask);
        if (r >= 0)
                r = resize(s->pixel_mask, w, h, 1, w / factor, h / factor, &s->mask);
        for (size_t i = 0; r >= 0 && i < (size_t)(w / factor) * (h / factor); i++)
                s->mask[i] = s->mask[i] >= 0.5F ? 1 : 0;
        return r;
}

static int fill(Source *s, Pipeline *p, const PictureJob *job, Error *error)
{
        const uint32_t factor = vae_factor(&p->model->vae), channels = p->model->vae.latent_channels;
        const uint32_t w = job->resolved->drawn_width, h = job->resolved->drawn_height;
        const size_t n = (size_t)(w / factor) * (h / factor);

        s->n_pixels = n;
        if (p->model->vae.in_channels != 3)
                return error_set(error, -EOPNOTSUPP, "init-image: %s has no encoder for colours", p->model->card.name);
        int r = take_placed(p, job, take_colours, 3, &s->pixels);
        if (r >= 0 && job->mask)
                r = take_masks(s, p, job, w, h);
        s->latents = calloc(n * channels, sizeof(float));
        s->normals = calloc(n * channels, sizeof(float));
        if (job->mask && pipeline_inpaints(p))
                s->beside = calloc(n * (channels + 1), sizeof(float));
        if (r < 0 || !s->latents || !s->normals || (job->mask && pipeline_inpaints(p) && !s->beside))
                return error_set(error, -ENOMEM, "init-image: out of memory");

        r = encode(p, s->pixels, NULL, w, h, s->latents, error);
        if (r < 0 || !s->beside)
                return r;
        memcpy(s->beside, s->mask, n * sizeof(float));
        return encode(p, s->pixels, s->pixel_mask, w, h, s->beside + n, error);
}

int source_new(Source *ret, Pipeline *p, const PictureJob *job, Error *error)
{
        _cleanup_(source_done) Source source = {};

        int r = fill(&source, p, job, error);
        if (r < 0)
                return r;
        *ret = source;
        source = (Source) {};
        return 0;
}

int source_take(Pipeline *p, const PictureJob *job, Tensor *ret, Error *error)
{
        const uint32_t w = job->resolved->drawn_width, h = job->resolved->drawn_height;
        _cleanup_(freep) float *pixels = NULL;

        int r = take_colours(p, job, w, h, &pixels);
        if (r < 0)
                return error_set(error, r, "init-image: %s", strerror(-r));
        Tensor picture = compute_tensor(&p->compute, 1, h, w, 3);
        r = pipeline_check(p, compute_finish(&p->compute), "init-image", error);
        if (r < 0)
                return r;
        memcpy(picture.data, pixels, tensor_elements(&picture) * sizeof(float));
        *ret = picture;
        return 0;
}

void source_done(Source *source)
{
        free(source->pixels);
        free(source->pixel_mask);
        free(source->latents);
        free(source->mask);
        free(source->beside);
        free(source->normals);
        *source = (Source) {};
}

void source_keep(const Source *source, const Sampling *s, uint32_t i, float *latents, float *scratch)
{
        if (!source->mask || source->beside) /* an inpainting model sees the picture itself */
                return;
        sampling_noised(s, i, source->latents, source->normals, scratch);
        const size_t pixels = source->n_pixels;
        for (size_t k = 0; k < s->n; k++)
                if (source->mask[k % pixels] < 0.5F)
                        latents[k] = scratch[k];
}

void source_restore(const Source *source, const Tensor *decoded)
{
        for (size_t i = 0; source->pixel_mask && i < tensor_elements(decoded); i++)
                decoded->data[i] += (1 - source->pixel_mask[i / 3]) * (source->pixels[i] - decoded->data[i]);
}

int source_restore_finished(Pipeline *p, const PictureJob *job, const Tensor *finished)
{
        _cleanup_(freep) float *pixels = NULL, *mask = NULL;

        if (!job->mask)
                return 0;
        int r = take_colours(p, job, finished->w, finished->h, &pixels);
        if (r >= 0)
                r = take_mask(p, job, finished->w, finished->h, &mask);
        for (size_t i = 0; r >= 0 && i < tensor_elements(finished); i++)
                finished->data[i] += (1 - mask[i / 3]) * (pixels[i] - finished->data[i]);
        return r;
}

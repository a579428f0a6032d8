/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "engine/denoise/enlarge_latents.h"
#include "engine/source.h"

/* One of both passes. */
static int draw(Pipeline *p, const PictureJob *job, const Pass *pass, const Source *source, float **ret, Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        _cleanup_(freep) float *beside = NULL;
        PictureJob part = *job;

        part.pass = pass;
        int r = pipeline_encode(p, &part, &context, error);
        if (r >= 0 && pipeline_inpaints(p))
                r = pipeline_beside_blank(p, pass->height / pixels, pass->width / pixels, &beside, error);
        part.beside = beside;
        return r < 0 ? r : pipeline_denoise(p, &part, context, source, ret, error);
}

/* What the second pass starts from. */
static int draw_small(Pipeline *p, const PictureJob *job, const Pass *pass, const Pass *second, float **ret, Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae);
        _cleanup_(freep) float *latents = NULL;

        int r = draw(p, job, pass, NULL, &latents, error);
        if (r < 0)
                return r;
        r = enlarge_latents(latents, p->model->vae.latent_channels, pass->height / pixels, pass->width / pixels,
                            second->height / pixels, second->width / pixels, p->compute.wrap_x, p->compute.wrap_y, ret);
        return r < 0 ? error_set(error, r, "enlarging: out of memory") : 0;
}

int pipeline_draw_twice(Pipeline *p, const PictureJob *job, float **ret, Error *error)
{
        const Resolved *resolved = job->resolved;
        const Request *q = job->request;
        const uint32_t pixels = vae_factor(&p->model->vae);
        const Pass first = { .width = resolved->first_width, .height = resolved->first_height, .steps = resolved->steps };
        const Pass second = { .width = resolved->drawn_width, .height = resolved->drawn_height,
                              .steps = q->hires_steps ? q->hires_steps : resolved->steps, .strength = pipeline_second_strength(q),
                              .steps_before = resolved->steps };
        _cleanup_(source_done) Source source = { .n_pixels = (size_t)(second.width / pixels) * (second.height / pixels) };
        const size_t n = source.n_pixels * p->model->vae.latent_channels;
        PictureJob again = *job;
        int r = 0;

        pipeline_report(job, STAGE_DENOISE, 0);
        again.pass = &second;
        source.normals = calloc(n, sizeof(float));
        if (pipeline_state_fits(p, &again)) /* the first pass was made before */
                source.latents = calloc(n, sizeof(float));
        else
                r = draw_small(p, job, &first, &second, &source.latents, error);
        if (r >= 0 && (!source.normals || !source.latents))
                r = error_set(error, -ENOMEM, "denoise: out of memory");
        return r < 0 ? r : draw(p, job, &second, &source, ret, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/frame.h"
#include "engine/image/picture.h"
#include "engine/image/touches/touches.h"
#include "engine/image/vae_tiles.h"
#include "engine/source.h"
#include "engine/tiling.h"

/* How long the stages take, in denoising steps, for the fraction that progress reports: typical of Stable
 * Diffusion. */
#define ENCODE_COST 0.2
#define DECODE_COST 1.7
#define TOUCHES_COST 0.1

/* Of a job's second pass (pipeline-hires.c) a step takes as much longer as there are more pixels. */
static double second_step_cost(const Resolved *r)
{
        return r->first_width == 0 ? 1 : (double)r->drawn_width * r->drawn_height / ((double)r->first_width * r->first_height);
}

void pipeline_report(const PictureJob *job, Stage stage, uint32_t step)
{
        const Resolved *r = job->resolved;
        const uint32_t steps = r->made_steps, first = steps - r->second_steps;
        const double second = second_step_cost(r), drawn = first + r->second_steps * second,
                     all = ENCODE_COST + drawn + DECODE_COST + TOUCHES_COST;
        const double done[STAGE_MAX] = {
                [STAGE_ENCODE] = 0,
                [STAGE_DENOISE] = ENCODE_COST + (step > first ? first + (step - first) * second : step),
                [STAGE_DECODE] = ENCODE_COST + drawn,
                [STAGE_TOUCHES] = ENCODE_COST + drawn + DECODE_COST,
        };

        if (job->events->progress)
                job->events->progress(job->events->userdata, stage, step, stage == STAGE_DENOISE ? steps : 0,
                                      done[stage] / all);
}

int pipeline_check(const Pipeline *p, int r, const char *stage, Error *error)
{
        if (compute_cancelled(&p->compute))
                return error_set(error, -ECANCELED, "cancelled");
        return r < 0 ? error_set(error, r, "%s: %s", stage, strerror(-r)) : 0;
}

void pipeline_to_channels_last(const float *latents, uint32_t first, uint32_t n, const Tensor *ret)
{
        const size_t pixels = (size_t)ret->h * ret->w;

        for (uint32_t c = 0; c < n; c++)
                for (size_t i = 0; i < pixels; i++)
                        ret->data[i * ret->c + first + c] = latents[c * pixels + i];
}

int pipeline_decode(Pipeline *p, const float *latents, uint32_t h, uint32_t w, Tensor *ret, Error *error)
{
        const VaeConfig *vae = &p->model->vae;
        Tensor scaled = compute_tensor(&p->compute, 1, h, w, vae->latent_channels), decoded = {};
        int r = compute_finish(&p->compute);

        if (r >= 0) {
                pipeline_to_channels_last(latents, 0, scaled.c, &scaled);
                for (size_t i = 0; i < tensor_elements(&scaled); i++)
                        scaled.data[i] = scaled.data[i] / vae->scaling_factor + vae->shift_factor;
                r = vae_decode_any(p->vae, &p->compute, &scaled, &decoded);
        }
        r = pipeline_check(p, r, "decode", error);
        if (r < 0)
                return r;

        picture_normalize(&decoded);
        *ret = decoded;
        return 0;
}

int pipeline_touch(Pipeline *p, const PictureJob *job, Tensor *picture, Error *error)
{
        const Resolved *resolved = job->resolved;
        Touches touches = {
                .enlargement = {
                        .upscaler = resolved->enlarge == ENLARGE_NETWORK ? p->upscaler : NULL,
                        .area = frame_area(resolved),
                        .width = resolved->width,
                        .height = resolved->height,
                },
                .remove_artefacts = resolved->remove_artefacts,
                .smooth_edges = resolved->smooth_edges,
                .sharpen = resolved->sharpen,
        };

        const Tiling tiling = (Tiling)job->request->tiling;
        TilingMargin margin;
        int r = 0;

        memcpy(touches.order, p->model->card.touch_order, sizeof(touches.order));
        if (tiling)
                r = tiling_add_margin(&p->compute, tiling, picture, &touches.enlargement, &margin);
        if (r >= 0)
                r = touches_apply(&p->compute, &touches, picture);
        if (r >= 0 && tiling && !compute_cancelled(&p->compute))
                r = tiling_cut_margin(&p->compute, &margin, picture);
        return pipeline_check(p, r, "touches", error);
}

/* In one pass. */
static int draw_once(Pipeline *p, const PictureJob *job, const Source *source, float **ret, Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        _cleanup_(freep) float *beside = NULL;
        PictureJob whole = *job;

        int r = pipeline_encode(p, job, &context, error);
        if (r < 0)
                return r;
        pipeline_report(job, STAGE_DENOISE, 0);
        if (!whole.beside && source)
                whole.beside = source->beside;
        if (pipeline_inpaints(p) && !whole.beside) {
                r = pipeline_beside_blank(p, job->resolved->drawn_height / pixels, job->resolved->drawn_width / pixels, &beside,
                                          error);
                whole.beside = beside;
        }
        return r < 0 ? r : pipeline_denoise(p, &whole, context, source, ret, error);
}

static int draw(Pipeline *p, const PictureJob *job, Source *source, Tensor *ret, Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae);
        _cleanup_(freep) float *latents = NULL;
        int r = job->picture ? source_new(source, p, job, error) : 0;

        if (r >= 0 && job->resolved->first_width > 0)
                r = pipeline_draw_twice(p, job, &latents, error);
        else if (r >= 0)
                r = draw_once(p, job, job->picture ? source : NULL, &latents, error);
        if (r < 0)
                return r;

        /* What the denoiser worked with is not needed beside the decoder's, which is the largest of all. */
        arena_trim(p->compute.arena);
        pipeline_report(job, STAGE_DECODE, 0);
        r = pipeline_decode(p, latents, job->resolved->drawn_height / pixels, job->resolved->drawn_width / pixels, ret, error);
        if (r >= 0)
                source_restore(source, ret);
        return r;
}

static int run_stages(Pipeline *p, const PictureJob *job, Picture *ret, Error *error)
{
        _cleanup_(source_done) Source source = {};
        Tensor picture = {};

        pipeline_report(job, STAGE_ENCODE, 0);
        tiling_begin(&p->compute, (Tiling)job->request->tiling);
        int r = request_only_touches(job->request) ? source_take(p, job, &picture, error) : draw(p, job, &source, &picture, error);
        if (r < 0)
                return r;
        tiling_end(&p->compute);

        pipeline_report(job, STAGE_TOUCHES, 0);
        r = pipeline_touch(p, job, &picture, error);
        if (r >= 0 && source_restore_finished(p, job, &picture) < 0)
                r = error_set(error, -ENOMEM, "touches: out of memory");
        if (r < 0)
                return r;
        return pipeline_check(p, picture_from_tensor(ret, &picture), "touches", error);
}

int pipeline_run(Pipeline *p, const PictureJob *job, Picture *ret, Error *error)
{
        ArenaMark mark = arena_mark(p->compute.arena);
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(lora_set_freep) LoraSet *loras = NULL;

        PictureJob whole = *job;

        int r = pipeline_apply_loras(p, job, &loras, error);
        whole.adapted = loras != NULL;
        if (r >= 0)
                r = run_stages(p, &whole, &picture, error);
        tiling_end(&p->compute);
        arena_release(p->compute.arena, mark);
        arena_trim(p->compute.arena);
        if (r < 0)
                return r;

        *ret = picture;
        picture = (Picture) {};
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/guidance.h"
#include "engine/denoise/state.h"
#include "engine/frame.h"
#include "engine/image/picture.h"
#include "engine/image/preview.h"
#include "engine/image/touches/touches.h"
#include "engine/image/vae_tiles.h"
#include "engine/source.h"
#include "engine/tiling.h"

/* How long the stages take, in denoising steps, for the fraction that progress reports: typical of Stable
 * Diffusion. */
#define ENCODE_COST 0.2
#define DECODE_COST 1.7
#define TOUCHES_COST 0.1

static void report(const PictureJob *job, Stage stage, uint32_t step)
{
        const uint32_t steps = job->resolved->steps;
        const double done[STAGE_MAX] = {
                [STAGE_ENCODE] = 0,
                [STAGE_DENOISE] = ENCODE_COST + step,
                [STAGE_DECODE] = ENCODE_COST + steps,
                [STAGE_TOUCHES] = ENCODE_COST + steps + DECODE_COST,
        };
        const double all = ENCODE_COST + steps + DECODE_COST + TOUCHES_COST;

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

/* Latents as the samplers have them, [c, h, w], to channels from `first` on of what the networks have, [h, w, c];
 * and back for one of a batch. */
static void to_channels_last(const float *latents, uint32_t first, uint32_t n, const Tensor *ret)
{
        const size_t pixels = (size_t)ret->h * ret->w;

        for (uint32_t c = 0; c < n; c++)
                for (size_t i = 0; i < pixels; i++)
                        ret->data[i * ret->c + first + c] = latents[c * pixels + i];
}

/* What the denoiser sees: the latents and what an inpainting model has beside them, once for each of the batch. */
static void fill_batch(const Pipeline *p, const PictureJob *job, const float *latents, const Tensor *ret)
{
        const uint32_t channels = p->model->vae.latent_channels;
        const size_t one = tensor_elements(ret) / ret->n;

        to_channels_last(latents, 0, channels, ret);
        if (pipeline_inpaints(p))
                to_channels_last(job->beside, channels, ret->c - channels, ret);
        for (uint32_t n = 1; n < ret->n; n++)
                memcpy(ret->data + n * one, ret->data, one * sizeof(float));
}

static void to_channels_first(const Tensor *t, uint32_t n, float *ret)
{
        const size_t pixels = (size_t)t->h * t->w;
        const float *from = t->data + n * pixels * t->c;

        for (uint32_t c = 0; c < t->c; c++)
                for (size_t i = 0; i < pixels; i++)
                        ret[c * pixels + i] = from[i * t->c + c];
}

/* The denoiser's answer at one evaluation; guided, if the context has two texts. input and ret: [c, h, w]; input is used
 * up. */
static int predict(Pipeline *p, const PictureJob *job, const UNetContext *context, float timestep,
                   uint32_t h, uint32_t w, float *input, float *ret)
{
        const uint32_t n = unet_context_texts(context);
        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor batch = compute_tensor(&p->compute, n, h, w, p->model->unet.in_channels), prediction = {};

        if (batch.data)
                fill_batch(p, job, input, &batch);
        int r = batch.data ? unet_forward(pipeline_unet(p, job), &p->compute, context, &batch, timestep, &prediction)
                           : compute_finish(&p->compute);
        if (r >= 0 && !compute_cancelled(&p->compute)) {
                to_channels_first(&prediction, n - 1, ret);
                if (n == 2) {
                        to_channels_first(&prediction, 0, input);
                        guide(ret, input, tensor_elements(&prediction) / 2, job->resolved->guidance,
                              job->resolved->guidance_rescale);
                }
        }
        arena_release(p->compute.arena, mark);
        return r;
}

/* A preview that cannot be made (for want of memory) is no reason to give up the picture. */
static void show_preview(Pipeline *p, const PictureJob *job, uint32_t step, const float *x0, uint32_t h,
                         uint32_t w)
{
        const EngineEvents *events = job->events;
        if (!events->preview || !events->preview_wanted || !events->preview_wanted(events->userdata, step))
                return;

        const uint32_t channels = p->model->vae.latent_channels, factor = vae_factor(&p->model->vae);
        uint32_t small_h, small_w;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) float *small = preview_shrink(x0, channels, h, w, factor, &small_h, &small_w);
        if (!small)
                return;

        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor decoded = {};
        int r = pipeline_decode(p, small, small_h, small_w, &decoded, NULL);
        if (r >= 0)
                r = picture_from_tensor(&picture, &decoded);
        arena_release(p->compute.arena, mark);
        if (r >= 0)
                events->preview(events->userdata, step, &picture);
}

static bool all_finite(const float *values, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!isfinite(values[i]))
                        return false;
        return true;
}

static void make_key(DenoiseKey *ret, const Pipeline *p, const PictureJob *job, const Sampling *s, uint32_t h,
                     uint32_t w)
{
        const ModelCard *card = &p->model->card;

        memset(ret, 0, sizeof(*ret)); /* compared as bytes */
        (void)snprintf(ret->engine, sizeof(ret->engine), "%s", VERSION);
        (void)snprintf(ret->model, sizeof(ret->model), "%s", card->name);
        (void)snprintf(ret->version, sizeof(ret->version), "%s", card->version);
        ret->seed = job->seed;
        ret->rng = job->request->rng;
        ret->variation_strength = job->request->variation_strength;
        if (ret->variation_strength > 0)
                ret->variation_seed = job->variation_seed;
        ret->guidance = job->resolved->guidance;
        ret->guidance_rescale = job->resolved->guidance_rescale;
        ret->guidance_start = job->request->guidance_start;
        ret->guidance_end = job->request->guidance_end;
        ret->eta = s->eta;
        ret->sampler = job->resolved->sampler;
        ret->schedule = job->resolved->schedule;
        ret->steps = job->resolved->steps;
        ret->fast = job->request->fast;
        ret->tiling = job->request->tiling;
        ret->clip_skip = job->request->clip_skip;
        ret->precision = p->precision;
        (void)snprintf(ret->kernels, sizeof(ret->kernels), "%s", kernels_get()->name);
        ret->h = h;
        ret->w = w;
}

/* The first noise, with a variation mixed in. Later noise goes on from the seed's generator alone. */
static int draw_first(const PictureJob *job, Noise *noise, float *ret, size_t n, uint32_t h, uint32_t w)
{
        const Request *q = job->request;

        noise_init(noise, (Rng)q->rng, job->seed);
        noise_normals(noise, ret, n);
        if (q->variation_strength <= 0)
                return 0;

        _cleanup_(freep) float *other = calloc(n, sizeof(float));
        Noise variation;
        if (!other)
                return -ENOMEM;
        noise_init(&variation, (Rng)q->rng, job->variation_seed);
        noise_normals(&variation, other, n);
        noise_mix(ret, other, q->variation_strength, n / ((size_t)h * w), h, w);
        return 0;
}

/* Latents to begin with: fresh noise, or what a state holds. *ret_next: the first evaluation that is left. */
static int start(const PictureJob *job, const DenoiseKey *key, Sampling *s, const Source *source, Noise *noise,
                 float *latents, uint32_t *ret_next)
{
        if (source && draw_first(job, noise, source->normals, s->n, key->h, key->w) < 0)
                return -ENOMEM;
        if (job->state && denoise_state_load(job->state, job->state_size, key, s, ret_next, noise, latents) >= 0)
                return 0;
        int r = draw_first(job, noise, latents, s->n, key->h, key->w);
        if (r < 0)
                return r;
        if (source)
                sampling_start_from(s, source->latents, latents);
        else
                sampling_start(s, latents);
        *ret_next = 0;
        return 0;
}

/* -EINTR if the one who sees the state wants no more. Without memory for it the picture still goes on. */
static int show_state(const PictureJob *job, const DenoiseKey *key, const Sampling *s, uint32_t next,
                      const Noise *noise, const float *latents, Error *error)
{
        const EngineEvents *events = job->events;
        const uint32_t step = sampling_step_of(s, next - 1);
        _cleanup_(freep) void *data = NULL;
        size_t size;

        if (!events->state || !events->state_wanted || !events->state_wanted(events->userdata, step) ||
            denoise_state_save(key, s, next, noise, latents, &data, &size) < 0)
                return 0;
        return events->state(events->userdata, step, data, size) ? 0 : error_set(error, -EINTR, "interrupted");
}

SamplingSettings pipeline_sampling_settings(const Request *request, const Resolved *resolved)
{
        return (SamplingSettings) {
                .sampler = (Sampler)resolved->sampler,
                .schedule = (SigmaSchedule)resolved->schedule,
                .steps = resolved->steps,
                .eta = request->eta,
                .skip = request->strength > 0 ? resolved->steps - MAX((uint32_t)(resolved->steps * request->strength), 1U)
                                              : 0,
        };
}

/* Whether evaluation i is within the part of the way that is guided. */
static bool is_guided(const PictureJob *job, const Sampling *s, uint32_t i)
{
        const double done = i > 0 ? (double)sampling_step_of(s, i - 1) / s->steps : 0;
        const Request *q = job->request;

        return done >= q->guidance_start && (done < q->guidance_end || q->guidance_end >= 1);
}

int pipeline_denoise(Pipeline *p, const PictureJob *job, const UNetContext *context, const Source *source, float **ret,
                     Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae); /* of a latent's side */
        const uint32_t h = job->resolved->drawn_height / pixels, w = job->resolved->drawn_width / pixels;
        const size_t n = (size_t)p->model->vae.latent_channels * h * w;

        _cleanup_(sampling_freep) Sampling *s = NULL;
        _cleanup_(freep) float *latents = calloc(n, sizeof(float)), *input = calloc(n, sizeof(float)),
                               *prediction = calloc(n, sizeof(float));
        if (!latents || !input || !prediction)
                return error_set(error, -ENOMEM, "denoise: out of memory");
        const SamplingSettings settings = pipeline_sampling_settings(job->request, job->resolved);
        int r = sampling_new(&s, &p->model->scheduler, &settings, n, error);
        if (r < 0)
                return r;

        Noise noise;
        DenoiseKey key;
        _cleanup_(unet_context_freep) UNetContext *unguided = NULL;
        if (unet_context_texts(context) > 1 && unet_context_last(&unguided, context) < 0)
                return error_set(error, -ENOMEM, "denoise: out of memory");
        make_key(&key, p, job, s, h, w);
        uint32_t first = 0;
        r = start(job, &key, s, source, &noise, latents, &first);
        if (r < 0)
                return error_set(error, r, "denoise: out of memory");
        pipeline_reserve(p, job, context, h, w);
        for (uint32_t i = first; i < s->n_evaluations; i++) {
                sampling_input(s, i, latents, input);
                const UNetContext *texts = !unguided || is_guided(job, s, i) ? context : unguided;
                r = pipeline_check(p, predict(p, job, texts, s->evaluations[i].timestep, h, w, input, prediction),
                          "denoise", error);
                if (r < 0)
                        return r;
                sampling_step(s, i, prediction, latents, &noise);
                if (source)
                        source_keep(source, s, i, latents, input);

                uint32_t step = sampling_step_of(s, i);
                report(job, STAGE_DENOISE, step);
                show_preview(p, job, step, s->x0, h, w);
                r = show_state(job, &key, s, i + 1, &noise, latents, error);
                if (r < 0)
                        return r;
        }
        if (!all_finite(latents, n))
                return error_set(error, -EBADMSG, "%s: the denoiser made infinite numbers",
                                 p->model->card.name);

        *ret = TAKE_PTR(latents);
        return 0;
}

int pipeline_decode(Pipeline *p, const float *latents, uint32_t h, uint32_t w, Tensor *ret, Error *error)
{
        const VaeConfig *vae = &p->model->vae;
        Tensor scaled = compute_tensor(&p->compute, 1, h, w, vae->latent_channels), decoded = {};
        int r = compute_finish(&p->compute);

        if (r >= 0) {
                to_channels_last(latents, 0, scaled.c, &scaled);
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

static int run_stages(Pipeline *p, const PictureJob *job, Picture *ret, Error *error)
{
        const uint32_t pixels = vae_factor(&p->model->vae);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        _cleanup_(freep) float *latents = NULL, *beside = NULL;
        _cleanup_(source_done) Source source = {};
        Tensor picture = {};
        int r;

        report(job, STAGE_ENCODE, 0);
        r = pipeline_encode(p, job, &context, error);
        if (r < 0)
                return r;

        report(job, STAGE_DENOISE, 0);
        tiling_begin(&p->compute, (Tiling)job->request->tiling);
        PictureJob whole = *job;
        if (job->picture)
                r = source_new(&source, p, job, error);
        if (!whole.beside)
                whole.beside = source.beside;
        if (r >= 0 && pipeline_inpaints(p) && !whole.beside) {
                r = pipeline_beside_blank(p, job->resolved->drawn_height / pixels, job->resolved->drawn_width / pixels, &beside,
                                          error);
                whole.beside = beside;
        }
        if (r >= 0)
                r = pipeline_denoise(p, &whole, context, job->picture ? &source : NULL, &latents, error);
        if (r < 0)
                return r;

        /* What the denoiser worked with is not needed beside the decoder's, which is the largest of all. */
        context = unet_context_free(context);
        arena_trim(p->compute.arena);
        report(job, STAGE_DECODE, 0);
        r = pipeline_decode(p, latents, job->resolved->drawn_height / pixels,
                            job->resolved->drawn_width / pixels, &picture, error);
        if (r < 0)
                return r;
        source_restore(&source, &picture);
        tiling_end(&p->compute);

        report(job, STAGE_TOUCHES, 0);
        r = pipeline_touch(p, job, &picture, error);
        if (r >= 0 && source_restore_finished(job, &picture) < 0)
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

        int r = pipeline_apply_loras(p, job, &loras, error);
        if (r >= 0)
                r = run_stages(p, job, &picture, error);
        tiling_end(&p->compute);
        arena_release(p->compute.arena, mark);
        arena_trim(p->compute.arena);
        if (r < 0)
                return r;

        *ret = picture;
        picture = (Picture) {};
        return 0;
}

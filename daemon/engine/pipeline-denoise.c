/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/guidance.h"
#include "engine/denoise/state.h"
#include "engine/image/picture.h"
#include "engine/image/preview.h"
#include "engine/source.h"

/* What the denoiser sees: the latents and what an inpainting model has beside them, once for each of the batch. */
static void fill_batch(const Pipeline *p, const PictureJob *job, const float *latents, const Tensor *ret)
{
        const uint32_t channels = p->model->vae.latent_channels;
        const size_t one = tensor_elements(ret) / ret->n;

        pipeline_to_channels_last(latents, 0, channels, ret);
        if (pipeline_inpaints(p))
                pipeline_to_channels_last(job->beside, channels, ret->c - channels, ret);
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
static int predict(Pipeline *p, const PictureJob *job, const UNetContext *context, const UNetShortcuts *shortcuts,
                   float timestep, uint32_t h, uint32_t w, float *input, float *ret)
{
        const uint32_t n = unet_context_texts(context);
        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor batch = compute_tensor(&p->compute, n, h, w, p->model->unet.in_channels), prediction = {};

        if (batch.data)
                fill_batch(p, job, input, &batch);
        int r = batch.data ? unet_forward_short(pipeline_unet(p, job), &p->compute, context, shortcuts, &batch, timestep, &prediction)
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

static void make_key(DenoiseKey *ret, const Pipeline *p, const PictureJob *job, const Sampling *s)
{
        const Pass pass = pipeline_pass(job);
        const uint32_t factor = vae_factor(&p->model->vae);
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
        ret->merge_tokens = job->request->merge_tokens;
        ret->reuse_deep = job->request->reuse_deep;
        ret->sampler = job->resolved->sampler;
        ret->schedule = job->resolved->schedule;
        ret->steps = pass.steps;
        ret->strength = pass.strength;
        ret->second = pass.steps_before > 0;
        ret->fast = job->request->fast;
        ret->tiling = job->request->tiling;
        ret->clip_skip = job->request->clip_skip;
        ret->precision = p->precision;
        (void)snprintf(ret->kernels, sizeof(ret->kernels), "%s", kernels_get()->name);
        ret->h = pass.height / factor;
        ret->w = pass.width / factor;
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
        const uint32_t step = pipeline_pass(job).steps_before + sampling_step_of(s, next - 1);
        _cleanup_(freep) void *data = NULL;
        size_t size;

        if (!events->state || !events->state_wanted || !events->state_wanted(events->userdata, step) ||
            denoise_state_save(key, s, next, noise, latents, &data, &size) < 0)
                return 0;
        return events->state(events->userdata, step, data, size) ? 0 : error_set(error, -EINTR, "interrupted");
}

static SamplingSettings settings_of(const Request *request, const Resolved *resolved, uint32_t steps, double strength)
{
        return (SamplingSettings) {
                .sampler = (Sampler)resolved->sampler,
                .schedule = (SigmaSchedule)resolved->schedule,
                .steps = steps,
                .eta = request->eta,
                .skip = steps - request_steps_made(steps, strength),
        };
}

SamplingSettings pipeline_sampling_settings(const Request *request, const Resolved *resolved)
{
        return settings_of(request, resolved, resolved->steps, request->strength);
}

Pass pipeline_pass(const PictureJob *job)
{
        const Resolved *r = job->resolved;

        if (job->pass)
                return *job->pass;
        return (Pass) { .width = r->drawn_width, .height = r->drawn_height, .steps = r->steps,
                        .strength = job->request->strength };
}

static int plan(const Pipeline *p, const PictureJob *job, Sampling **ret, DenoiseKey *ret_key, Error *error)
{
        const Pass pass = pipeline_pass(job);
        const uint32_t factor = vae_factor(&p->model->vae);
        const size_t n = (size_t)p->model->vae.latent_channels * (pass.height / factor) * (pass.width / factor);
        const SamplingSettings settings = settings_of(job->request, job->resolved, pass.steps, pass.strength);

        int r = sampling_new(ret, &p->model->scheduler, &settings, n, error);
        if (r >= 0)
                make_key(ret_key, p, job, *ret);
        return r;
}

bool pipeline_state_fits(const Pipeline *p, const PictureJob *job)
{
        _cleanup_(sampling_freep) Sampling *s = NULL;
        DenoiseKey key;
        uint32_t next;
        Noise noise;

        if (!job->state || plan(p, job, &s, &key, NULL) < 0)
                return false;
        _cleanup_(freep) float *latents = calloc(s->n, sizeof(float));
        return latents && denoise_state_load(job->state, job->state_size, &key, s, &next, &noise, latents) >= 0;
}

/* Whether evaluation i is within the part of the way that is guided. */
static bool is_guided(const PictureJob *job, const Sampling *s, uint32_t i)
{
        const double done = i > 0 ? (double)sampling_step_of(s, i - 1) / s->steps : 0;
        const Request *q = job->request;

        return done >= q->guidance_start && (done < q->guidance_end || q->guidance_end >= 1);
}

/* Whether evaluation i computes the deep layers: what an earlier one has left is only for as many texts. A picture can be
 * gone on with from before such an evaluation alone, for what is left is not part of its state. */
static bool is_whole(const PictureJob *job, const Sampling *s, uint32_t i)
{
        const uint32_t every = job->request->reuse_deep;

        return every <= 1 || i % every == 0 || is_guided(job, s, i) != is_guided(job, s, i - 1);
}

/* What one evaluation after the other works on. */
typedef struct Work { /* work_done() */
        Sampling *s;
        DenoiseKey key;
        Noise noise;
        float *latents, *input, *prediction;
        UNetContext *unguided; /* the prompt alone; NULL: nothing is guided anyway */
        Tensor deep; /* what the deep layers have made; without data where each evaluation computes them */
} Work;

static void work_done(Work *work)
{
        sampling_free(work->s);
        unet_context_free(work->unguided);
        free(work->latents);
        free(work->input);
        free(work->prediction);
}

/* Time embeddings of all evaluations at once. */
static int schedule_times(Pipeline *p, const PictureJob *job, const Sampling *s, UNetContext *context)
{
        _cleanup_(freep) float *timesteps = calloc(s->n_evaluations, sizeof(float));
        if (!timesteps)
                return -ENOMEM;

        for (uint32_t i = 0; i < s->n_evaluations; i++)
                timesteps[i] = s->evaluations[i].timestep;
        return unet_context_schedule(context, pipeline_unet(p, job), &p->compute, timesteps, s->n_evaluations);
}

static int work_init(Work *ret, Pipeline *p, const PictureJob *job, UNetContext *context, Error *error)
{
        int r = plan(p, job, &ret->s, &ret->key, error);
        if (r < 0)
                return r;

        const size_t n = ret->s->n;
        ret->latents = calloc(n, sizeof(float));
        ret->input = calloc(n, sizeof(float));
        ret->prediction = calloc(n, sizeof(float));
        if (!ret->latents || !ret->input || !ret->prediction || schedule_times(p, job, ret->s, context) < 0 ||
            (unet_context_texts(context) > 1 && unet_context_last(&ret->unguided, context) < 0))
                return error_set(error, -ENOMEM, "denoise: out of memory");
        return 0;
}

static int evaluate(Pipeline *p, const PictureJob *job, const UNetContext *context, const Source *source, Work *work,
                    uint32_t i, Error *error)
{
        Sampling *s = work->s;
        const uint32_t h = work->key.h, w = work->key.w;
        const UNetContext *texts = !work->unguided || is_guided(job, s, i) ? context : work->unguided;
        Tensor deep = work->deep;
        const UNetShortcuts shortcuts = { .merge_tokens = job->request->merge_tokens,
                                          .deep = deep.data ? &deep : NULL,
                                          .reuse = !is_whole(job, s, i) };

        deep.n = unet_context_texts(texts);
        sampling_input(s, i, work->latents, work->input);
        int r = pipeline_check(p, predict(p, job, texts, &shortcuts, s->evaluations[i].timestep, h, w, work->input, work->prediction),
                               "denoise", error);
        if (r < 0)
                return r;
        sampling_step(s, i, work->prediction, work->latents, &work->noise);
        if (source)
                source_keep(source, s, i, work->latents, work->input);

        const uint32_t step = pipeline_pass(job).steps_before + sampling_step_of(s, i);
        pipeline_report(job, STAGE_DENOISE, step);
        show_preview(p, job, step, s->x0, h, w);
        if (i + 1 < s->n_evaluations && !is_whole(job, s, i + 1))
                return 0;
        return show_state(job, &work->key, s, i + 1, &work->noise, work->latents, error);
}

/* Room for what the deep layers make, if it is kept. */
static int deep_init(Pipeline *p, const PictureJob *job, const UNetContext *context, const DenoiseKey *key, Tensor *ret)
{
        if (job->request->reuse_deep > 1)
                *ret = compute_tensor(&p->compute, unet_context_texts(context), key->h, key->w,
                                      unet_deep_channels(pipeline_unet(p, job)));
        return compute_finish(&p->compute);
}

static int denoise(Pipeline *p, const PictureJob *job, UNetContext *context, const Source *source, float **ret, Error *error)
{
        _cleanup_(work_done) Work work = {};
        uint32_t first = 0;
        int r = work_init(&work, p, job, context, error);
        if (r < 0)
                return r;

        r = start(job, &work.key, work.s, source, &work.noise, work.latents, &first);
        if (r >= 0)
                r = deep_init(p, job, context, &work.key, &work.deep);
        if (r < 0)
                return error_set(error, r, "denoise: out of memory");
        pipeline_reserve(p, job, context, work.key.h, work.key.w);
        for (uint32_t i = first; i < work.s->n_evaluations; i++) {
                r = evaluate(p, job, context, source, &work, i, error);
                if (r < 0)
                        return r;
        }
        if (!all_finite(work.latents, work.s->n))
                return error_set(error, -EBADMSG, "%s: the denoiser made infinite numbers",
                                 p->model->card.name);

        *ret = TAKE_PTR(work.latents);
        return 0;
}

int pipeline_denoise(Pipeline *p, const PictureJob *job, UNetContext *context, const Source *source, float **ret,
                     Error *error)
{
        const ArenaMark mark = arena_mark(p->compute.arena);
        const int r = denoise(p, job, context, source, ret, error);

        arena_release(p->compute.arena, mark);
        return r;
}

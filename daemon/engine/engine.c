/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/util.h"
#include "engine/frame.h"
#include "engine/image/drawn-marks.h"
#include "engine/image/encode.h"
#include "engine/inspect.h"
#include "engine/outpaint.h"
#include "engine/pipeline.h"

#define STEPS_DEFAULT 20
#define GUIDANCE_DEFAULT 7.5
#define SAMPLER_FALLBACK SAMPLER_DPMPP_2M

struct Engine {
        Pipeline pipeline;
        Backlog *backlog; /* the pipeline's first, for other threads to wait for */
        ModelInfo info;
        atomic_bool cancelled;
        atomic_size_t done; /* tiles */
        const ReadPicture *picture, *mask; /* not owned */
};

static unsigned processors(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return 1;
        return (unsigned)MAX(CPU_COUNT(&set), 1);
}

/* The size of a picture by default: what the denoiser draws best, enlarged, and a multiple of what it must
 * be. */
static int fill_size(ModelInfo *info, const Model *model, Error *error)
{
        const uint32_t factor = vae_factor(&model->vae);
        const uint32_t native =
                        model->card.native_size ? model->card.native_size : model->unet.sample_size * factor;
        const uint64_t multiple = (uint64_t)factor * model->card.enlarge;
        const uint64_t size = MAX(native / factor, 1U) * multiple;

        if (size > REQUEST_SIZE_MAX)
                return error_set(error, -EOPNOTSUPP, "%s: pictures of %ju pixels are too large", model->dir,
                                 (uintmax_t)size);
        info->native_size = MAX(native / factor, 1U) * factor;
        info->size_multiple = (uint32_t)multiple;
        info->width = info->height =
                        (uint32_t)MAX(size, (REQUEST_SIZE_MIN + multiple - 1) / multiple * multiple);
        return 0;
}

int engine_fill_info(ModelInfo *info, const Model *model, Precision automatic, Error *error)
{
        const ModelCard *card = &model->card;

        memcpy(info->name, card->name, sizeof(info->name));
        memcpy(info->version, card->version, sizeof(info->version));
        memcpy(info->license, card->license, sizeof(info->license));
        info->steps = MIN(card->steps ? card->steps : STEPS_DEFAULT, model->scheduler.train_timesteps - 1);
        info->guidance = card->guidance >= 0 ? card->guidance : GUIDANCE_DEFAULT;
        info->sampler = card->sampler ? card->sampler : model->scheduler.class_sampler;
        info->schedule = card->schedule;
        info->guidance_rescale = card->guidance_rescale;
        if (info->sampler == SAMPLER_DEFAULT)
                info->sampler = SAMPLER_FALLBACK;
        info->parameters = model_parameters(model);
        info->precision = pipeline_precision(model, PRECISION_AUTO, automatic);
        return fill_size(info, model, error);
}

int engine_new(Engine **ret, const char *model_dir, unsigned threads, Error *error)
{
        return engine_new_packed(
                        ret, model_dir, threads, PRECISION_AUTO, &(PackFiles) { .old_fd = -1, .new_fd = -1 }, error);
}

int engine_new_packed(Engine **ret, const char *model_dir, unsigned threads, Precision automatic,
                      const PackFiles *files, Error *error)
{
        _cleanup_(engine_freep) Engine *engine = calloc(1, sizeof(*engine));
        if (!engine)
                return error_set(error, -ENOMEM, "%s: out of memory", model_dir);

        int r = pipeline_load_packed(
                        &engine->pipeline, model_dir, (PipelinePrecision) { PRECISION_AUTO, automatic },
                        threads ? threads : processors(), files, error);
        if (r >= 0)
                r = engine_fill_info(&engine->info, engine->pipeline.model, automatic, error);
        if (r < 0)
                return r;
        engine->pipeline.compute.cancelled = &engine->cancelled;
        engine->pipeline.compute.done = &engine->done;
        engine->backlog = backlog_ref(engine->pipeline.backlog);

        *ret = TAKE_PTR(engine);
        return 0;
}

int engine_seal_pack(Engine *engine)
{
        const int r = backlog_wait(engine->backlog);

        return r == -ECANCELED ? 0 : r;
}

void engine_stop_packing(Engine *engine)
{
        backlog_stop(engine->backlog);
}

Engine *engine_free(Engine *engine)
{
        if (!engine)
                return NULL;
        pipeline_done(&engine->pipeline);
        backlog_unref(engine->backlog);
        free(engine);
        return NULL;
}

const ModelInfo *engine_info(const Engine *engine)
{
        return &engine->info;
}

const char *engine_tokenizer_digest(const Engine *engine)
{
        return tokenizer_digest(engine->pipeline.tokenizer);
}

/* How the picture becomes as large as it is to be: as asked for, or as the model's card recommends. */
static int resolve_enlarge(const Engine *engine, const Request *request, Resolved *resolved, Error *error)
{
        const ModelCard *card = &engine->pipeline.model->card;
        const bool has_network = engine->pipeline.upscaler;

        if (request->enlarge == ENLARGE_NETWORK && !has_network)
                return error_set(error, -EINVAL, "enlarge: the model %s has no network for it; \"lanczos\" needs none",
                                 card->name);
        if (request->enlarge)
                resolved->enlarge = request->enlarge;
        else if (request_only_touches(request))
                resolved->enlarge = has_network ? ENLARGE_NETWORK : ENLARGE_LANCZOS;
        else if (card->enlarge <= 1)
                resolved->enlarge = ENLARGE_NONE;
        else if (card->enlarge_with)
                resolved->enlarge = card->enlarge_with;
        else
                resolved->enlarge = has_network ? ENLARGE_NETWORK : ENLARGE_LANCZOS;
        return 0;
}

/* As large as the picture that it starts from, but of no more than about the model's own area. */
static void size_of_source(const ReadPicture *source, uint32_t *width, uint32_t *height)
{
        const double scale = MIN(1.0, sqrt((double)*width * *height / ((double)source->width * source->height)));
        const double w = round(source->width * scale), h = round(source->height * scale);

        *width = (uint32_t)MAX(MIN(w, (double)REQUEST_SIZE_MAX), (double)REQUEST_SIZE_MIN);
        *height = (uint32_t)MAX(MIN(h, (double)REQUEST_SIZE_MAX), (double)REQUEST_SIZE_MIN);
}

/* So many times as much, in whole multiples. */
static uint32_t scaled(uint32_t side, double scale, uint32_t multiple)
{
        return MAX((uint32_t)ceil(side * scale / multiple - 1e-9), 1U) * multiple;
}

/* What is drawn first if there are two passes: where the picture is enlarged afterwards anyway, what would be drawn, of
 * which the second draws more; else the size asked for, divided. */
static int resolve_passes(const Request *request, uint32_t factor, Resolved *resolved, Error *error)
{
        if (request->hires_scale == 0)
                return 0;
        if (resolved->enlarge == ENLARGE_NONE) {
                resolved->first_width = scaled(resolved->drawn_width, 1 / request->hires_scale, factor);
                resolved->first_height = scaled(resolved->drawn_height, 1 / request->hires_scale, factor);
        } else {
                resolved->first_width = resolved->drawn_width;
                resolved->first_height = resolved->drawn_height;
                resolved->drawn_width = scaled(resolved->drawn_width, request->hires_scale, factor);
                resolved->drawn_height = scaled(resolved->drawn_height, request->hires_scale, factor);
        }
        resolved->second_steps = pipeline_steps_made(request->hires_steps ? request->hires_steps : resolved->steps,
                                                     pipeline_second_strength(request));
        if (resolved->drawn_width > REQUEST_SIZE_MAX || resolved->drawn_height > REQUEST_SIZE_MAX)
                return error_set(error, -EINVAL, "hires: %ux%u would be drawn, but no side may have more than %d", resolved->drawn_width,
                                 resolved->drawn_height, REQUEST_SIZE_MAX);
        return 0;
}

/* What is not drawn stays as large as it is, or becomes so many times as large, but no larger than may be. No touch makes
 * it smaller: it comes so. */
static int resolve_given(const ReadPicture *source, const Request *request, Resolved *resolved, Error *error)
{
        const double most = (double)REQUEST_SIZE_MAX / MAX(source->width, source->height);
        const double scale = MIN(MAX(request->hires_scale, 1.0), most);

        if (request->hires_scale > 1 && most <= 1)
                return error_set(error, -EINVAL, "init-image: %ux%u pixels cannot be enlarged, no side may have more than %d",
                                 source->width, source->height, REQUEST_SIZE_MAX);
        resolved->width = request->width ? request->width : (uint32_t)MAX(round(source->width * scale), 1.0);
        resolved->height = request->height ? request->height : (uint32_t)MAX(round(source->height * scale), 1.0);
        if (source->width > resolved->width || source->height > resolved->height ||
            (source->width == resolved->width && source->height == resolved->height))
                resolved->enlarge = ENLARGE_NONE;
        const bool is_enlarged = resolved->enlarge != ENLARGE_NONE;
        resolved->drawn_width = is_enlarged ? source->width : resolved->width;
        resolved->drawn_height = is_enlarged ? source->height : resolved->height;
        resolved->steps = 0;
        return 0;
}

static int resolve_size(const Engine *engine, const Request *request, Resolved *resolved, Error *error)
{
        const Model *model = engine->pipeline.model;
        const uint32_t factor = vae_factor(&model->vae);
        const uint32_t native = engine->info.native_size;
        uint32_t width = engine->info.width, height = engine->info.height;

        if (engine->picture && request_only_touches(request))
                return resolve_given(engine->picture, request, resolved, error);

        if (resolved->enlarge == ENLARGE_NONE)
                width = height = MIN(scaled(MAX(native, (uint32_t)REQUEST_SIZE_MIN), MAX(request->hires_scale, 1.0), factor),
                                     (uint32_t)REQUEST_SIZE_MAX);
        int r = 0;
        if (engine->picture && !request->width && !request->height) {
                if (request_outpaints(request))
                        r = outpaint_size(engine->picture, request, &width, &height, error);
                else
                        size_of_source(engine->picture, &width, &height);
        }
        if (r < 0)
                return r;
        resolved->width = request->width ? request->width : width;
        resolved->height = request->height ? request->height : height;
        frame_choose(resolved->width, resolved->height, factor, resolved->enlarge == ENLARGE_NONE ? 0 : native,
                     &resolved->drawn_width, &resolved->drawn_height);
        return resolve_passes(request, factor, resolved, error);
}

static void resolve_touches(const ModelCard *card, const Request *request, Resolved *resolved)
{
        resolved->remove_artefacts = request->remove_artefacts >= 0 ? request->remove_artefacts
                                                                    : card->remove_artefacts;
        resolved->smooth_edges = request->smooth_edges >= 0 ? request->smooth_edges : card->smooth_edges;
        resolved->sharpen = request->sharpen >= 0 ? request->sharpen : card->sharpen;
}

static int count_tokens(const Engine *engine, const Request *request, Resolved *resolved, Error *error)
{
        _cleanup_(chunks_done) Chunks chunks = {}, negative = {};
        int r = pipeline_read_text(&engine->pipeline, "prompt", request->prompt, &chunks, error);
        if (r < 0)
                return r;
        r = pipeline_read_text(&engine->pipeline, "negative-prompt", request->negative_prompt, &negative, error);
        if (r < 0)
                return r;

        resolved->prompt_tokens = chunks.tokens;
        resolved->prompt_chunks = chunks.n;
        resolved->truncated_tokens = chunks.truncated;
        return 0;
}

/* Whether the sampler takes these steps and that schedule. */
static int check_sampling(const Engine *engine, const Request *request, const Resolved *resolved, Error *error)
{
        _cleanup_(sampling_freep) Sampling *s = NULL;
        const SamplingSettings settings = pipeline_sampling_settings(request, resolved);

        return sampling_new(&s, &engine->pipeline.model->scheduler, &settings, 1, error);
}

int engine_resolve(Engine *engine, const Request *request, Resolved *ret, Error *error)
{
        const ModelInfo *info = &engine->info;
        const uint32_t timesteps = engine->pipeline.model->scheduler.train_timesteps;

        int r = request_check(request, error);
        if (r < 0)
                return r;

        const ModelCard *card = &engine->pipeline.model->card;
        if (request->fast && card->fast_steps == 0)
                return error_set(error, -EINVAL, "fast: the model %s has no few-step version", info->name);

        Resolved resolved = {
                .steps = request->fast ? card->fast_steps : info->steps,
                /* The step that the few-step denoiser was trained with. */
                .sampler = request->fast ? SAMPLER_DDIM : info->sampler,
                .schedule = request->fast ? SIGMA_SCHEDULE_DEFAULT : info->schedule,
                .guidance = request->fast ? card->fast_guidance : info->guidance,
                .guidance_rescale = info->guidance_rescale,
                .precision = pipeline_precision(
                                engine->pipeline.model, (Precision)request->precision, engine->pipeline.automatic),
        };
        resolved.steps = request->steps ? request->steps : resolved.steps;
        /* The model's schedule goes with its sampler. */
        if (request->schedule || request->sampler)
                resolved.schedule = request->schedule;
        resolved.sampler = request->sampler ? request->sampler : resolved.sampler;
        resolved.guidance = request->guidance >= 0 ? request->guidance : resolved.guidance;
        if (request->guidance_rescale >= 0)
                resolved.guidance_rescale = request->guidance_rescale;
        r = resolve_enlarge(engine, request, &resolved, error);
        if (r < 0)
                return r;
        r = resolve_size(engine, request, &resolved, error);
        if (r < 0)
                return r;
        resolve_touches(&engine->pipeline.model->card, request, &resolved);
        const uint32_t most = MAX(resolved.steps, request->hires_scale != 0 ? request->hires_steps : 0);
        if (most >= timesteps)
                return error_set(error, -EINVAL, "steps: %u, but this model can make at most %u", most, timesteps - 1);
        if (resolved.steps > 0)
                r = check_sampling(engine, request, &resolved, error);
        if (r >= 0)
                r = count_tokens(engine, request, &resolved, error);
        if (r < 0)
                return r;

        *ret = resolved;
        return 0;
}

int engine_generate(Engine *engine, const Request *request, uint32_t index, const EngineEvents *events,
                    Picture *ret, Error *error)
{
        return engine_resume(engine, request, index, NULL, 0, events, ret, error);
}

int engine_resume(Engine *engine, const Request *request, uint32_t index, const void *state, size_t state_size,
                  const EngineEvents *events, Picture *ret, Error *error)
{
        static const EngineEvents none = {};
        _cleanup_(read_picture_done) ReadPicture grown = {}, border = {};
        Resolved resolved;

        atomic_store(&engine->cancelled, false);
        int r = engine_resolve(engine, request, &resolved, error);
        if (r < 0)
                return r;

        r = pipeline_set_precision(&engine->pipeline, (Precision)resolved.precision, error);
        if (r < 0)
                return r;

        if ((engine->picture != NULL) != (request->strength > 0 || request_only_touches(request)))
                return error_set(error, -EINVAL, "strength: goes with a picture to start from, and needs one");
        if (engine->picture && request->hires_scale != 0 && !request_only_touches(request))
                return error_set(error, -EINVAL, "hires: does not go with a picture to start from");
        if (engine->mask && request_outpaints(request))
                return error_set(error, -EINVAL, "outpaint: does not go with a mask");
        if (engine->picture && request_outpaints(request))
                r = outpaint_grow(engine->picture, request, &grown, &border, error);
        if (r < 0)
                return r;
        const PictureJob job = {
                .picture = grown.rgba ? &grown : engine->picture,
                .mask = border.rgba ? &border : engine->mask,
                .request = request,
                .resolved = &resolved,
                .seed = request_picture_seed(request, index),
                .variation_seed = request_variation_seed(request, index),
                .events = events ? events : &none,
                .state = state,
                .state_size = state_size,
        };
        return pipeline_run(&engine->pipeline, &job, ret, error);
}

void engine_set_source(Engine *engine, const ReadPicture *picture, const ReadPicture *mask)
{
        engine->picture = picture;
        engine->mask = mask;
}

void engine_cancel(Engine *engine)
{
        atomic_store(&engine->cancelled, true);
}

uint64_t engine_done(const Engine *engine)
{
        return atomic_load(&engine->done);
}

int engine_encode(const Engine *engine, const Picture *picture, const Request *request,
                      const Resolved *resolved, uint32_t index, void **ret_data, size_t *ret_size,
                      Error *error)
{
        const DrawnBy by = { engine->info.name, engine->info.version, engine->info.license };
        _cleanup_(marks_done) Marks marks = {};

        int r = drawn_marks(&marks, request, resolved, index, &by);
        if (r < 0)
                return error_set(error, r, "Out of memory");
        return picture_encode(picture, (PictureFormat)request->format, request->quality, &marks, ret_data, ret_size, error);
}

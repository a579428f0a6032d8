/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/drawn-marks.h"
#include "engine/image/encode.h"
#include "engine/inspect.h"
#include "engine/outpaint.h"
#include "engine/pipeline.h"
#include "engine/resolve.h"

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

int engine_resolve(Engine *engine, const Request *request, Resolved *ret, Error *error)
{
        return resolve_request(&engine->pipeline, &engine->info, engine->picture, request, ret, error);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/frame.h"
#include "engine/outpaint.h"
#include "engine/resolve.h"

/* How the picture becomes as large as it is to be: as asked for, or as the model's card recommends. */
static int resolve_enlarge(const Pipeline *pipeline, const Request *request, Resolved *resolved, Error *error)
{
        const ModelCard *card = &pipeline->model->card;
        const bool has_network = pipeline->upscaler;

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
        resolved->second_steps = request_steps_made(request->hires_steps ? request->hires_steps : resolved->steps,
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

static int resolve_size(
                const Pipeline *pipeline, const ModelInfo *info, const ReadPicture *picture, const Request *request, Resolved *resolved,
                Error *error)
{
        const uint32_t factor = vae_factor(&pipeline->model->vae);
        const uint32_t native = info->native_size;
        uint32_t width = info->width, height = info->height;

        if (picture && request_only_touches(request))
                return resolve_given(picture, request, resolved, error);

        if (resolved->enlarge == ENLARGE_NONE)
                width = height = MIN(scaled(MAX(native, (uint32_t)REQUEST_SIZE_MIN), MAX(request->hires_scale, 1.0), factor),
                                     (uint32_t)REQUEST_SIZE_MAX);
        int r = 0;
        if (picture && !request->width && !request->height) {
                if (request_outpaints(request))
                        r = outpaint_size(picture, request, &width, &height, error);
                else
                        size_of_source(picture, &width, &height);
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

static int count_tokens(const Pipeline *pipeline, const Request *request, Resolved *resolved, Error *error)
{
        _cleanup_(chunks_done) Chunks chunks = {}, negative = {};
        int r = pipeline_read_text(pipeline, "prompt", request->prompt, &chunks, error);
        if (r < 0)
                return r;
        r = pipeline_read_text(pipeline, "negative-prompt", request->negative_prompt, &negative, error);
        if (r < 0)
                return r;

        resolved->prompt_tokens = chunks.tokens;
        resolved->prompt_chunks = chunks.n;
        resolved->truncated_tokens = chunks.truncated;
        return 0;
}

/* Whether the model has so many steps, and the sampler takes them and that schedule. */
static int check_sampling(const SchedulerConfig *scheduler, const Request *request, const Resolved *resolved, Error *error)
{
        _cleanup_(sampling_freep) Sampling *s = NULL;
        const SamplingSettings settings = pipeline_sampling_settings(request, resolved);
        const uint32_t most = MAX(resolved->steps, request->hires_scale != 0 ? request->hires_steps : 0);

        if (most >= scheduler->train_timesteps)
                return error_set(error, -EINVAL, "steps: %u, but this model can make at most %u", most, scheduler->train_timesteps - 1);
        return resolved->steps > 0 ? sampling_new(&s, scheduler, &settings, 1, error) : 0;
}

/* Steps, sampler, guidance: the request's, else the model's, of which the few-step denoiser has its own. */
static Resolved resolve_settings(const ModelCard *card, const ModelInfo *info, const Request *request)
{
        Resolved resolved = {
                .steps = request->fast ? card->fast_steps : info->steps,
                /* The step that the few-step denoiser was trained with. */
                .sampler = request->fast ? SAMPLER_DDIM : info->sampler,
                .schedule = request->fast ? SIGMA_SCHEDULE_DEFAULT : info->schedule,
                .guidance = request->fast ? card->fast_guidance : info->guidance,
                .guidance_rescale = info->guidance_rescale,
        };

        resolved.steps = request->steps ? request->steps : resolved.steps;
        /* The model's schedule goes with its sampler. */
        if (request->schedule || request->sampler)
                resolved.schedule = request->schedule;
        resolved.sampler = request->sampler ? request->sampler : resolved.sampler;
        resolved.guidance = request->guidance >= 0 ? request->guidance : resolved.guidance;
        if (request->guidance_rescale >= 0)
                resolved.guidance_rescale = request->guidance_rescale;
        return resolved;
}

int resolve_request(
                const Pipeline *pipeline, const ModelInfo *info, const ReadPicture *picture, const Request *request, Resolved *ret,
                Error *error)
{
        const Model *model = pipeline->model;

        int r = request_check(request, error);
        if (r < 0)
                return r;
        if (request->fast && model->card.fast_steps == 0)
                return error_set(error, -EINVAL, "fast: the model %s has no few-step version", info->name);

        Resolved resolved = resolve_settings(&model->card, info, request);
        resolved.precision = pipeline_precision(model, (Precision)request->precision, pipeline->automatic);
        r = resolve_enlarge(pipeline, request, &resolved, error);
        if (r >= 0)
                r = resolve_size(pipeline, info, picture, request, &resolved, error);
        if (r < 0)
                return r;
        resolved.made_steps = request_steps_made(resolved.steps, request->strength) + resolved.second_steps;
        resolve_touches(&model->card, request, &resolved);
        r = check_sampling(&model->scheduler, request, &resolved, error);
        if (r >= 0)
                r = count_tokens(pipeline, request, &resolved, error);
        if (r < 0)
                return r;

        *ret = resolved;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way of a picture through the networks, stage by stage. pipeline_run goes all of it; the stages stand
 * by themselves for tests and for what starts or ends half-way.
 *
 * Everything here runs in one thread; compute.cancelled may be set from any and makes the stage that runs
 * return -ECANCELED. Tensors lie in compute.arena until the caller releases them. */

#include "engine/denoise/sampler.h"
#include "engine/denoise/unet.h"
#include "engine/engine.h"
#include "engine/image/read.h"
#include "engine/image/touches/upscaler.h"
#include "engine/image/vae.h"
#include "engine/layers/lora.h"
#include "engine/model/model.h"
#include "engine/text/chunks.h"
#include "engine/text/text_cache.h"
#include "engine/text/text_encoder.h"

#define PIPELINE_PACKED_MAX 8 /* networks */

typedef struct Pipeline { /* owns all of it: pipeline_done() */
        Model *model;
        Tokenizer *tokenizer;
        TextEncoder *text_encoders[CONFIG_TEXTS_MAX]; /* model->n_texts of them */
        UNet *unet;
        UNet *fast_unet; /* or NULL */
        Vae *vae;
        Upscaler *upscaler; /* NULL if the model has none */
        Precision precision; /* of the denoiser; never PRECISION_AUTO */
        Precision automatic; /* as PipelinePrecision has it */
        Compute compute;
        TextCache texts;
        Pack *pack; /* NULL: packed weights are not kept */
        Backlog *backlog; /* packs what was not packed before, while the rest is used already */
        Arena *packed[PIPELINE_PACKED_MAX]; /* where the networks' weights lie then */
        size_t n_packed;
} Pipeline;

/* Errors as for engine_new. */
int pipeline_load(Pipeline *ret, const char *dir, Precision precision, unsigned threads, Error *error);

typedef struct PipelinePrecision {
        Precision wanted; /* to begin with; PRECISION_AUTO: the model's */
        Precision automatic; /* where the model says none; PRECISION_AUTO: bf16 where the processor has it */
} PipelinePrecision;

/* The same with the weights as an earlier load has packed them, or packed into a new file in the background:
 * backlog_wait(ret->backlog) says what came of it, as pack_seal(). */
int pipeline_load_packed(Pipeline *ret, const char *dir, PipelinePrecision precision, unsigned threads,
                         const PackFiles *files, Error *error);

/* What is computed where that precision is asked for: itself, the model's, or the automatic one as in PipelinePrecision;
 * floats where the processor cannot do it. */
Precision pipeline_precision(const Model *model, Precision wanted, Precision automatic);

/* Packs the networks anew from the model's files if they are in another precision. After an error there are none, and the
 * next call tries again. */
int pipeline_set_precision(Pipeline *p, Precision precision, Error *error);

/* That of the text encoders and the autoencoder. Bytes are for the denoiser alone: it is where the time goes, and what errors
 * it makes the next step takes back. */
static inline Precision pipeline_ends_precision(Precision denoiser)
{
        return denoiser == PRECISION_INT8 ? kernels_precision(PRECISION_BF16, PRECISION_F32) : denoiser;
}

void pipeline_done(Pipeline *p);

/* One way through the denoiser. A picture of two passes is drawn small, enlarged, and painted anew. */
typedef struct Pass {
        uint32_t width, height; /* that are drawn */
        uint32_t steps;
        double strength; /* as a Request's: of what starts from latents, the share of the steps that is made; 0: all */
        uint32_t steps_before; /* of the first pass; 0: this is it */
} Pass;

/* One picture to be made. */
typedef struct PictureJob {
        const Request *request;
        const Resolved *resolved;
        uint64_t seed, variation_seed;
        const EngineEvents *events; /* not NULL */
        const void *state; /* to go on from; NULL: from the beginning */
        size_t state_size;
        const ReadPicture *picture, *mask; /* to start from (source.h); NULL: from noise, and all of it */
        /* For inpainting models: what they see beside the latents, [1 + latent_channels, h, w]: the mask (1 where it
         * is to be painted), and the scaled latents of the picture without what lies there. NULL: all is to be
         * painted. */
        const float *beside;
        const Pass *pass; /* which is made now; NULL: the only one */
        bool adapted; /* whether adapters are applied, which may change what the text encoders say */
} PictureJob;

/* Which denoiser draws the picture. */
static inline const UNet *pipeline_unet(const Pipeline *p, const PictureJob *job)
{
        return job->request->fast ? p->fast_unet : p->unet;
}

/* The pass that is made now. */
Pass pipeline_pass(const PictureJob *job);

/* Of a second pass, which makes one step at least. */
static inline double pipeline_second_strength(const Request *request)
{
        return request->hires_strength > 0 ? request->hires_strength : 1e-9;
}

/* Tells the events' progress. step counts through both passes. */
void pipeline_report(const PictureJob *job, Stage stage, uint32_t step);

/* Latents as the samplers have them, [c, h, w], to channels from `first` on of what the networks have, [h, w, c]. */
void pipeline_to_channels_last(const float *latents, uint32_t first, uint32_t n, const Tensor *ret);

/* Whether the job's state is one of this pass. */
bool pipeline_state_fits(const Pipeline *p, const PictureJob *job);

/* What the sampler is told. */
SamplingSettings pipeline_sampling_settings(const Request *request, const Resolved *resolved);

/* What a stage returned, with a sentence; -ECANCELED if it was cancelled meanwhile, whatever it says. */
int pipeline_check(const Pipeline *p, int r, const char *stage, Error *error);

/* All of them; *ret is the finished picture. */
int pipeline_run(Pipeline *p, const PictureJob *job, Picture *ret, Error *error);

/* A prompt's syntax and tokens. field names it in errors. */
int pipeline_read_text(const Pipeline *p, const char *field, const char *text, Chunks *ret, Error *error);

/* Of n texts that all have the same number of chunks. clip_skip: 0: the model's; 1: all layers; 2: all but the last one;
 * and so on, as web UIs count. 0, -EINVAL or -ENOMEM. */
int pipeline_embed(Pipeline *p, const Chunks *texts, uint32_t n, uint32_t clip_skip, Embeddings *ret);

/* Whether each evaluation needs a pass for the negative prompt: only with a guidance scale above 1, and not for models
 * that were taught to guide themselves (LCM). */
bool pipeline_guides(const Pipeline *p, const PictureJob *job);

/* Prompt and, where guidance asks for it, negative prompt to what the denoiser attends to. What was encoded lately is not
 * encoded again. */
int pipeline_encode(Pipeline *p, const PictureJob *job, UNetContext **ret, Error *error);

/* Noise, or a source (NULL: none) under noise, to latents, in torch's order: [channels, h, w]. *ret is malloc'ed.
 * -EINTR: job->events->state stopped it. */
typedef struct Source Source;
int pipeline_denoise(Pipeline *p, const PictureJob *job, UNetContext *context, const Source *source, float **ret,
                     Error *error);

/* Memory for all evaluations of latents of that size, in one piece. */
void pipeline_reserve(Pipeline *p, const PictureJob *job, const UNetContext *context, uint32_t h, uint32_t w);

/* The same in two passes, where resolved->first_width says so: noise to a small picture, which is enlarged and painted anew
 * (the web UIs' high-resolution fix). Encodes the prompt itself. */
int pipeline_draw_twice(Pipeline *p, const PictureJob *job, float **ret, Error *error);

/* Applies the adapters that the prompt names, <lora:NAME:WEIGHT>, and those of the request: NAME.safetensors in the folder
 * `loras` beside the model or in a directory of models. *ret is NULL without any; what is freed is taken off. -EINVAL: one that is not there. */
int pipeline_apply_loras(Pipeline *p, const PictureJob *job, LoraSet **ret, Error *error);

/* Whether the denoiser sees a mask and a picture beside the latents. */
bool pipeline_inpaints(const Pipeline *p);

/* The `beside` of a picture of which nothing is given, as web UIs do it: a mask of ones, and the latents of plain
 * grey. *ret is malloc'ed. */
int pipeline_beside_blank(Pipeline *p, uint32_t h, uint32_t w, float **ret, Error *error);

/* Latents to a picture in 0 … 1: [1, h * factor, w * factor, 3], in the arena. */
int pipeline_decode(Pipeline *p, const float *latents, uint32_t h, uint32_t w, Tensor *ret, Error *error);

/* What comes after decoding: the final touches, which make a picture of the finished size. */
int pipeline_touch(Pipeline *p, const PictureJob *job, Tensor *picture, Error *error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The engine: prompt to picture with one model, as a library. It knows no bus, no systemd and no files but
 * models.
 *
 *     _cleanup_(engine_freep) Engine *engine = NULL;
 *     _cleanup_(picture_done) Picture picture = {};
 *     Request request;
 *     Resolved resolved;
 *     Error error = {};
 *
 *     request_init(&request);
 *     strcpy(request.prompt, "a red fox");
 *     request.seed = 42;
 *
 *     if (engine_new(&engine, "/usr/share/imagined/models/default", 0, &error) < 0 ||
 *         engine_resolve(engine, &request, &resolved, &error) < 0 ||
 *         engine_generate(engine, &request, 0, NULL, &picture, &error) < 0)
 *             errx(1, "%s", error.text);
 *     // picture.rgb: width x height x 3 bytes
 *
 * An Engine is used by one thread at a time, except for engine_cancel and engine_done, which may be called from any.
 * Seed, sampler, model, version, precision and instruction set decide the pixels; the number of threads never
 * does. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/precision.h"
#include "base/request.h"
#include "engine/image/picture.h"
#include "engine/image/read.h"
#include "engine/model/pack.h"

typedef struct Engine Engine;

/* What a model says about itself (its imagined.json where it has one, else its configs). */
typedef struct ModelInfo {
        char name[64];
        char version[32];
        char license[64];
        uint32_t width, height; /* of a picture, by default */
        uint32_t native_size; /* of what the networks draw best */
        uint32_t size_multiple; /* multiples of it need no cutting */
        uint32_t steps;
        Sampler sampler;
        SigmaSchedule schedule; /* SIGMA_SCHEDULE_DEFAULT: as scheduler_config.json says */
        double guidance, guidance_rescale;
        uint64_t parameters;
        Precision precision; /* in which it draws by default, on this processor */
} ModelInfo;

/* Called from within engine_generate, in its thread. Any member may be NULL. */
typedef struct EngineEvents {
        void *userdata;
        /* At the start of each stage and after each step; fraction is of this one picture, 0 to 1. */
        void (*progress)(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction);
        /* Asked after each step: whether somebody wants to see it now. */
        bool (*preview_wanted)(void *userdata, uint32_t step);
        /* The picture as it looks after that step, longest side at most 256; owned by the engine. */
        void (*preview)(void *userdata, uint32_t step, const Picture *picture);
        /* Asked after each step: whether to tell now how far the picture is (state). */
        bool (*state_wanted)(void *userdata, uint32_t step);
        /* All that engine_resume needs to go on from here; owned by the engine. False: stop, with -EINTR. */
        bool (*state)(void *userdata, uint32_t step, const void *data, size_t size);
} EngineEvents;

/* Loads the model in a Diffusers folder. threads 0: one for each processor that this process may use.
 * Errors: -ENOENT no such folder or file, -EBADMSG a file is broken or lies, -EOPNOTSUPP a kind of model
 * this version cannot run, -ENOMEM; *error says which file and what. */
int engine_new(Engine **ret, const char *model_dir, unsigned threads, Error *error);
/* The same for one who keeps packed weights in files (model/pack.h): they are mapped from the old one, which takes
 * milliseconds, or written into the new one, in the background: the engine can be used as soon as it knows where they will lie.
 * automatic: the precision of what neither request nor model says one for; PRECISION_AUTO: bf16 where the processor has it. */
int engine_new_packed(Engine **ret, const char *model_dir, unsigned threads, Precision automatic,
                      const PackFiles *files, Error *error);

/* Waits until all weights are packed and the disk has the new file, in any thread but before engine_free(): 1: it is whole,
 * and the next load's old one; 0: there is none. */
int engine_seal_pack(Engine *engine);

/* Packs no more than it must, so that the other returns soon. */
void engine_stop_packing(Engine *engine);

Engine *engine_free(Engine *engine);
DEFINE_CLEANUP(Engine *, engine_free)

const ModelInfo *engine_info(const Engine *engine);
const char *engine_tokenizer_digest(const Engine *engine); /* engine/text/tokenizer.h */

/* Decides what the request left open, counts tokens, and checks it against the model: -EINVAL for what it
 * cannot do. */
int engine_resolve(Engine *engine, const Request *request, Resolved *ret, Error *error);

/* Draws picture `index` of the request (with the seed that request_picture_seed says). -ECANCELED after engine_cancel. */
int engine_generate(Engine *engine, const Request *request, uint32_t index, const EngineEvents *events,
                    Picture *ret, Error *error);

/* The same from where a state has left off, to the same pixels. A state of another picture, model or version, or a broken
 * one, is passed over: then the picture is begun anew. */
int engine_resume(Engine *engine, const Request *request, uint32_t index, const void *state, size_t state_size,
                  const EngineEvents *events, Picture *ret, Error *error);

/* What the pictures that follow start from: a picture, of which a share of request->strength is painted anew, and where
 * there is a mask, that only where it is bright (or, if it is transparent anywhere, where it is transparent). Both are
 * resized; NULL: none. They must live as long. Where the request gives no size, the picture's decides. Where the mask asks for
 * nothing, the finished picture has the pixels of this one: the same bytes, if it has its size. With a picture the strength must not be 0, and the other way round.
 * Where the request grows the picture (outpaint; without a mask), only its new sides are painted. */
void engine_set_source(Engine *engine, const ReadPicture *picture, const ReadPicture *mask);

/* Ends the engine_generate that runs now, within milliseconds; does nothing if none runs. Any thread. */
void engine_cancel(Engine *engine);

/* How many pieces of work it has done since it was made, each of milliseconds: grows while it computes. Any thread. */
uint64_t engine_done(const Engine *engine);

/* The picture as a file of the request's format (*ret_data is malloc'ed), with its marks (image/drawn-marks.h); without the
 * prompts if the request says so. */
int engine_encode(const Engine *engine, const Picture *picture, const Request *request,
                      const Resolved *resolved, uint32_t index, void **ret_data, size_t *ret_size,
                      Error *error);

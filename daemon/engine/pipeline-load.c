/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/model/file.h"
#include "engine/pipeline.h"
#include "engine/text/vocabulary.h"

static int load_tokenizer(Pipeline *p, Error *error)
{
        _cleanup_(freep) char *dir = NULL;
        int r = path_join(&dir, p->model->dir, "tokenizer", error);
        if (r >= 0 && p->model->single)
                r = vocabulary_find(&p->tokenizer, p->model->dir, &p->model->tokenizer, p->model->texts[0].config.vocab_size,
                                    error);
        else if (r >= 0)
                r = tokenizer_new(&p->tokenizer, dir, &p->model->tokenizer, error);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < p->model->n_texts; i++) {
                const ModelText *text = &p->model->texts[i];

                if (tokenizer_vocab_size(p->tokenizer) > text->config.vocab_size)
                        return error_set(error, -EBADMSG, "%s: %u tokens, but text_encoder knows %u", dir,
                                         tokenizer_vocab_size(p->tokenizer), text->config.vocab_size);
        }
        return 0;
}

/* A network that comes to be between the two has its weights where the pack wants them; the pipeline keeps their memory. */
static int begin_packed(Pipeline *p, Weights *weights, Error *error)
{
        int r = p->pack ? pack_begin(p->pack, weights_parameters(weights)) : 0;

        weights_set_packing(weights, (Packing) { .pack = p->pack, .backlog = p->backlog });
        return r < 0 ? error_set(error, r, "The packed weights cannot be used: %s", strerror(-r)) : 0;
}

static int end_packed(Pipeline *p, Weights *weights, int loaded, Error *error)
{
        weights_set_packing(weights, (Packing) {});
        if (!p->pack || !pack_arena(p->pack))
                return loaded;
        int r = pack_end(p->pack, &p->packed[p->n_packed++]);
        if (loaded < 0)
                return loaded;
        return r < 0 ? error_set(error, r, "The packed weights are not those of the model") : 0;
}

/* r = LOAD, between the two. */
#define LOAD_PACKED(p, weights, error, load)                                                 \
        ({                                                                                   \
                int begun = begin_packed(p, weights, error);                                 \
                end_packed(p, weights, begun < 0 ? begun : (load), error);                   \
        })

static int load_text_encoders(Pipeline *p, Error *error)
{
        for (uint32_t i = 0; i < p->model->n_texts; i++) {
                const ModelText *text = &p->model->texts[i];
                int r = LOAD_PACKED(p, text->weights, error,
                                    text_encoder_new(&p->text_encoders[i], &text->config, text->weights,
                                                     pipeline_ends_precision(p->precision), error));
                if (r < 0)
                        return r;
        }
        if (model_is_xl(p->model) &&
            text_encoder_pooled_width(p->text_encoders[p->model->n_texts - 1]) == 0)
                return error_set(error, -EBADMSG, "%s: no tensor \"text_projection.weight\"", p->model->dir);
        return 0;
}

static bool nothing(void *pack)
{
        (void)pack;
        return true;
}

static int seal(void *pack)
{
        return pack_seal(pack);
}

static void keep(void *pack)
{
        (void)pack; /* the pipeline's */
}

/* Packs in the background what was laid out, and writes the file in the end. */
static int start_packing(Pipeline *p, Error *error)
{
        const TaskKind sealing = { .run = nothing, .after = seal, .done = keep };

        if (p->pack && !pack_is_read(p->pack) && !backlog_add(p->backlog, &sealing, p->pack))
                return error_set(error, -ENOMEM, "%s: out of memory", p->model->dir);
        backlog_start(p->backlog);
        return 0;
}

static int lay_out_networks(Pipeline *p, Error *error)
{
        const Model *m = p->model;
        const Precision ends = pipeline_ends_precision(p->precision);

        int r = load_text_encoders(p, error);
        if (r >= 0)
                r = LOAD_PACKED(p, m->unet_weights, error,
                                unet_new(&p->unet, &m->unet, m->unet_weights, p->precision, error));
        if (r >= 0 && m->fast_unet_weights)
                r = LOAD_PACKED(p, m->fast_unet_weights, error,
                                unet_new(&p->fast_unet, &m->fast_unet, m->fast_unet_weights, p->precision, error));
        if (r >= 0)
                r = LOAD_PACKED(p, m->vae_weights, error, vae_new(&p->vae, &m->vae, m->vae_weights, ends, error));
        if (r >= 0 && pipeline_inpaints(p))
                r = LOAD_PACKED(p, m->vae_weights, error, vae_load_encoder(p->vae, m->vae_weights, ends, error));
        /* A missing tensor makes a broken file, not a missing one. */
        return r < 0 ? (error->code = r == -ENOENT ? -EBADMSG : r) : 0;
}

/* All that is packed for a precision. What is packed already is mapped; the rest follows in the background. */
static int load_networks(Pipeline *p, Error *error)
{
        int r = backlog_new(&p->backlog);
        if (r < 0)
                return error_set(error, r, "%s: out of memory", p->model->dir);
        r = lay_out_networks(p, error);
        return r < 0 ? r : start_packing(p, error);
}

static void free_networks(Pipeline *p)
{
        if (p->backlog)
                backlog_stop(p->backlog);
        for (uint32_t i = 0; i < CONFIG_TEXTS_MAX; i++)
                p->text_encoders[i] = text_encoder_free(p->text_encoders[i]);
        p->unet = unet_free(p->unet);
        p->fast_unet = unet_free(p->fast_unet);
        p->vae = vae_free(p->vae);
        for (size_t i = 0; i < p->n_packed; i++)
                p->packed[i] = arena_free(p->packed[i]);
        p->n_packed = 0;
        p->backlog = backlog_unref(p->backlog);
        pack_free(p->pack);
        p->pack = NULL;
}

static int load_upscaler(Pipeline *p, Error *error)
{
        const Model *m = p->model;
        int r = m->upscaler_weights ? upscaler_new(&p->upscaler, &m->upscaler, m->upscaler_weights, error) : 0;

        return r < 0 ? (error->code = r == -ENOENT ? -EBADMSG : r) : 0;
}

/* Without a pack, if it cannot be told which it would be. */
static int open_pack(Pipeline *p, const char *dir, const PackFiles *files, Error *error)
{
        const Kernels *kernels = kernels_get();
        const Products *floats = kernels->products[PRECISION_F32], *others = kernels->products[p->precision];
        _cleanup_(freep) char *key = NULL;
        char layout[128];

        if (files->old_fd < 0 && files->new_fd < 0)
                return 0;
        (void)snprintf(layout, sizeof layout, "%s %s %s %u %u %u %u %u %u", kernels->name, floats->name, others->name,
                       p->precision, kernels->lanes, floats->panel, floats->depth, others->panel, others->depth);
        if (pack_key(&key, dir, layout) < 0)
                return 0;
        int r = pack_new(&p->pack, files, key);
        return r < 0 ? error_set(error, r, "%s: %s", dir, strerror(-r)) : 0;
}

/* error must not be NULL. */
static int load_with(Pipeline *ret, const char *dir, PipelinePrecision precision, unsigned threads, const PackFiles *files,
                     bool *ret_was_read, Error *error)
{
        _cleanup_(pipeline_done) Pipeline p = { .compute = { .threads = threads, .arena = arena_new(0) } };
        if (!p.compute.arena)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);

        *ret_was_read = false;
        int r = model_open(&p.model, dir, error);
        if (r >= 0)
                r = load_tokenizer(&p, error);
        if (r < 0)
                return r;
        p.automatic = precision.automatic;
        p.precision = pipeline_precision(p.model, precision.wanted, precision.automatic);
        r = open_pack(&p, dir, files, error);
        if (r < 0)
                return r;
        *ret_was_read = p.pack && pack_is_read(p.pack);
        r = load_networks(&p, error);
        if (r >= 0)
                r = load_upscaler(&p, error);
        if (r < 0)
                return r;

        *ret = p;
        p = (Pipeline) {};
        return 0;
}

int pipeline_load_packed(Pipeline *ret, const char *dir, PipelinePrecision precision, unsigned threads,
                         const PackFiles *files, Error *error)
{
        const PackFiles without_old = { .old_fd = -1, .new_fd = files->new_fd };
        Error own_error = {};
        bool was_read = false;

        error = error ? error : &own_error;
        int r = load_with(ret, dir, precision, threads, files, &was_read, error);
        /* What is wrong may be the pack. */
        return r < 0 && was_read ? load_with(ret, dir, precision, threads, &without_old, &was_read, error) : r;
}

int pipeline_load(Pipeline *ret, const char *dir, Precision precision, unsigned threads, Error *error)
{
        return pipeline_load_packed(ret, dir, (PipelinePrecision) { .wanted = precision }, threads,
                                    &(PackFiles) { .old_fd = -1, .new_fd = -1 }, error);
}

Precision pipeline_precision(const Model *model, Precision wanted, Precision automatic)
{
        return kernels_precision(
                        wanted == PRECISION_AUTO ? model->card.precision : wanted,
                        automatic == PRECISION_AUTO ? PRECISION_BF16 : automatic);
}

int pipeline_set_precision(Pipeline *p, Precision precision, Error *error)
{
        Error own_error = {};

        if (p->vae && p->precision == precision)
                return 0;
        free_networks(p);
        p->precision = precision;
        int r = load_networks(p, error ? error : &own_error);
        if (r < 0)
                free_networks(p);
        return r;
}

void pipeline_done(Pipeline *p)
{
        tokenizer_free(p->tokenizer);
        text_cache_done(&p->texts);
        free_networks(p);
        upscaler_free(p->upscaler);
        model_free(p->model);
        arena_free(p->compute.arena);
        *p = (Pipeline) {};
}

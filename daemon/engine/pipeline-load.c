/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

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

static int load_text_encoders(Pipeline *p, Error *error)
{
        for (uint32_t i = 0; i < p->model->n_texts; i++) {
                const ModelText *text = &p->model->texts[i];
                int r = text_encoder_new(&p->text_encoders[i], &text->config, text->weights, error);
                if (r < 0)
                        return r;
        }
        if (model_is_xl(p->model) &&
            text_encoder_pooled_width(p->text_encoders[p->model->n_texts - 1]) == 0)
                return error_set(error, -EBADMSG, "%s: no tensor \"text_projection.weight\"", p->model->dir);
        return 0;
}

/* error must not be NULL. */
static int load(Pipeline *p, const char *dir, Error *error)
{
        int r = model_open(&p->model, dir, error);
        if (r < 0)
                return r;

        const Model *m = p->model;
        if ((r = load_tokenizer(p, error)) < 0)
                return r;
        if ((r = load_text_encoders(p, error)) < 0 ||
            (r = unet_new(&p->unet, &m->unet, m->unet_weights, error)) < 0 ||
            (m->fast_unet_weights &&
             (r = unet_new(&p->fast_unet, &m->fast_unet, m->fast_unet_weights, error)) < 0) ||
            (r = vae_new(&p->vae, &m->vae, m->vae_weights, error)) < 0 ||
            (pipeline_inpaints(p) && (r = vae_load_encoder(p->vae, m->vae_weights, error)) < 0) ||
            (m->upscaler_weights &&
             (r = upscaler_new(&p->upscaler, &m->upscaler, m->upscaler_weights, error)) < 0))
                /* A missing tensor makes a broken file, not a missing one. */
                return error->code = r == -ENOENT ? -EBADMSG : r;
        return 0;
}

int pipeline_load(Pipeline *ret, const char *dir, unsigned threads, Error *error)
{
        Error own_error = {};
        _cleanup_(pipeline_done) Pipeline p = { .compute = { .threads = threads, .arena = arena_new(0) } };
        if (!p.compute.arena)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);

        int r = load(&p, dir, error ? error : &own_error);
        if (r < 0)
                return r;

        *ret = p;
        p = (Pipeline) {};
        return 0;
}

void pipeline_done(Pipeline *p)
{
        tokenizer_free(p->tokenizer);
        for (uint32_t i = 0; i < CONFIG_TEXTS_MAX; i++)
                text_encoder_free(p->text_encoders[i]);
        unet_free(p->unet);
        unet_free(p->fast_unet);
        vae_free(p->vae);
        upscaler_free(p->upscaler);
        model_free(p->model);
        arena_free(p->compute.arena);
        *p = (Pipeline) {};
}

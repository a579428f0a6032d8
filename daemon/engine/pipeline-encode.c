/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/pipeline.h"

int pipeline_read_text(const Pipeline *p, const char *field, const char *text, Chunks *ret, Error *error)
{
        const uint32_t limit = p->model->card.prompt_chunks;
        _cleanup_(prompt_done) Prompt prompt = {};

        int r = prompt_parse(&prompt, field, text, error);
        return r < 0 ? r : chunks_new(ret, p->tokenizer, &prompt, limit ? limit : REQUEST_CHUNKS_MAX, error);
}

bool pipeline_guides(const Pipeline *p, const PictureJob *job)
{
        return job->resolved->guidance > 1 && p->model->unet.guidance_width == 0;
}

/* Of the last layers, how many are skipped. Stable Diffusion 2 was trained with all layers but the last, which its
 * files leave out; Stable Diffusion XL likewise, but its files are whole. */
static uint32_t layers_to_skip(const Pipeline *p, const TextEncoderConfig *config, uint32_t clip_skip)
{
        const uint32_t left_out = config->left_out, by_default = model_is_xl(p->model) ? 2 : 1 + left_out;
        const uint32_t wanted = (clip_skip ? clip_skip : by_default) - 1;

        return wanted > left_out ? MIN(wanted - left_out, config->n_layers - 1) : 0;
}

/* A chunk's ids, but what follows the end mark is what the encoder was trained with. */
static void fill(uint32_t *ret, const uint32_t *ids, uint32_t length, uint32_t end, uint32_t padding)
{
        bool ended = false;

        for (uint32_t i = 0; i < length; i++) {
                ret[i] = ended ? padding : ids[i];
                ended = ended || ids[i] == end;
        }
}

/* Rows of one encoder to their place beside those of the others. */
static void place(const Tensor *from, const Tensor *to, uint32_t column)
{
        for (size_t row = 0; row < tensor_rows(from); row++)
                memcpy(to->data + row * to->c + column, from->data + row * from->c, from->c * sizeof(float));
}

/* Each chunk is read by itself, and weighed by itself as each encoder reads it. */
static int embed_with(Pipeline *p, uint32_t encoder, const Chunks *texts, uint32_t n, const TextWish *wish, Tensor *ret,
                      Tensor *ret_pooled)
{
        const uint32_t chunks = texts[0].n, length = texts[0].length;
        const uint32_t end = tokenizer_marks(p->tokenizer).end, padding = tokenizer_fill(p->tokenizer, encoder);
        _cleanup_(freep) uint32_t *ids = calloc((size_t)n * chunks * length, sizeof(*ids));
        if (!ids)
                return -ENOMEM;

        for (uint32_t i = 0; i < n * chunks; i++)
                fill(ids + (size_t)i * length, texts[i / chunks].ids + (size_t)(i % chunks) * length, length, end,
                     padding);
        int r = text_encoder_forward(p->text_encoders[encoder], &p->compute, ids, n * chunks, length, wish, ret,
                                     ret_pooled);
        if (r < 0 || compute_cancelled(&p->compute))
                return r;
        for (uint32_t i = 0; i < n * chunks; i++)
                chunks_weigh(&texts[i / chunks], i % chunks, ret->data + (size_t)i * length * ret->c, ret->c);
        return 0;
}

/* The pooled output of each text's first chunk is the text's. */
static void place_pooled(const Tensor *pooled, const Tensor *to)
{
        if (!pooled->data || !to->data) /* only Stable Diffusion XL has them */
                return;
        for (size_t i = 0; i < to->n; i++)
                memcpy(to->data + i * to->c, pooled->data + i * (pooled->n / to->n) * to->c, to->c * sizeof(float));
}

/* To n texts' places. */
static int embed_to(Pipeline *p, const Chunks *texts, uint32_t clip_skip, const Embeddings *to)
{
        const bool xl = model_is_xl(p->model);
        const uint32_t n = to->text.n;
        Tensor pooled = {};
        int r = 0;

        for (uint32_t i = 0, column = 0; i < p->model->n_texts && r >= 0; i++) {
                const TextEncoderConfig *config = &p->model->texts[i].config;
                const TextWish wish = { .skip = layers_to_skip(p, config, clip_skip),
                                        .plain = xl,
                                        .pooled = xl && i + 1 == p->model->n_texts };
                Tensor part = {};

                r = embed_with(p, i, texts, n, &wish, &part, &pooled);
                if (r >= 0)
                        place(&part, &to->text, column);
                column += config->hidden_size;
        }
        if (r >= 0)
                place_pooled(&pooled, &to->pooled);
        return r;
}

static int embeddings_new(Pipeline *p, const Chunks *texts, uint32_t n, Embeddings *ret)
{
        const TextEncoder *last = p->text_encoders[p->model->n_texts - 1];

        ret->text = compute_tensor(&p->compute, n, 1, texts[0].n * texts[0].length, p->model->unet.cross_attention_dim);
        ret->pooled = (Tensor) {};
        if (model_is_xl(p->model))
                ret->pooled = compute_tensor(&p->compute, n, 1, 1, text_encoder_pooled_width(last));
        return compute_finish(&p->compute);
}

int pipeline_embed(Pipeline *p, const Chunks *texts, uint32_t n, uint32_t clip_skip, Embeddings *ret)
{
        Embeddings all;
        int r = embeddings_new(p, texts, n, &all);

        if (r >= 0)
                r = embed_to(p, texts, clip_skip, &all);
        if (r >= 0)
                *ret = all;
        return r;
}

/* One text, or two together where that gives the same bytes. */
static int embed_and_keep(Pipeline *p, const TextKey *keys, const Embeddings *to)
{
        int r = embed_to(p, keys->text, keys->clip_skip, to);

        for (uint32_t i = 0; i < to->text.n && r >= 0 && !compute_cancelled(&p->compute); i++) {
                const Embeddings one = embeddings_at(to, i);
                text_cache_keep(&p->texts, &keys[i], &one);
        }
        return r;
}

/* Those that are not known yet of at most two texts. */
static int embed_once(Pipeline *p, uint32_t clip_skip, const Chunks *texts, uint32_t n, Embeddings *ret)
{
        const Precision precision = pipeline_ends_precision(p->precision);
        bool alone = n < 2 || kernels_get()->products[precision]->uneven, known[2] = {};
        TextKey keys[2];
        int r = embeddings_new(p, texts, n, ret);

        for (uint32_t i = 0; i < n && r >= 0; i++) {
                const Embeddings one = embeddings_at(ret, i);

                keys[i] = (TextKey) { .text = &texts[i], .clip_skip = clip_skip, .precision = precision };
                known[i] = text_cache_find(&p->texts, &keys[i], &one);
                alone = alone || known[i];
        }
        if (!alone && r >= 0)
                return embed_and_keep(p, keys, ret);
        for (uint32_t i = 0; i < n && r >= 0; i++) {
                const Embeddings one = embeddings_at(ret, i);

                if (!known[i])
                        r = embed_and_keep(p, &keys[i], &one);
        }
        return r;
}

/* A prompt without words asks for what is drawn without guidance, which is everything at once: the model's author
 * may have put words in its place. */
static int read_prompt(const Pipeline *p, const char *text, Chunks *ret, Error *error)
{
        const char *instead = p->model->card.empty_prompt;

        int r = pipeline_read_text(p, "prompt", text, ret, error);
        if (r < 0 || ret->tokens > 0 || !instead[0])
                return r;
        chunks_done(ret);
        return pipeline_read_text(p, "prompt", instead, ret, error);
}

/* The negative prompt, where it is used, comes first, as in diffusers; the shorter one is padded. */
static int read_texts(const Pipeline *p, const PictureJob *job, Chunks ret[static 2], uint32_t *ret_n, Error *error)
{
        const Request *q = job->request;
        uint32_t n = 0, longest = 0;
        int r = 0;

        if (pipeline_guides(p, job))
                r = pipeline_read_text(p, "negative-prompt", q->negative_prompt, &ret[n++], error);
        if (r >= 0)
                r = read_prompt(p, q->prompt, &ret[n++], error);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < n; i++)
                longest = MAX(longest, ret[i].n);
        for (uint32_t i = 0; i < n; i++)
                if (chunks_pad(&ret[i], p->tokenizer, longest) < 0)
                        return error_set(error, -ENOMEM, "encode: out of memory");
        *ret_n = n;
        return 0;
}

static void clear_first(const Tensor *t)
{
        if (t->data)
                memset(t->data, 0, tensor_elements(t) / t->n * sizeof(float));
}

static int new_context(Pipeline *p, const PictureJob *job, const Embeddings *embeddings, UNetContext **ret)
{
        const Pass pass = pipeline_pass(job);
        const float height = (float)pass.height, width = (float)pass.width;
        const UNetConditions conditions = {
                .text = embeddings->text,
                .pooled = embeddings->pooled,
                .sizes = { height, width, 0, 0, height, width },
                .guidance = (float)job->resolved->guidance,
        };

        return unet_context_new(ret, pipeline_unet(p, job), &p->compute, &conditions);
}

int pipeline_encode(Pipeline *p, const PictureJob *job, UNetContext **ret, Error *error)
{
        Chunks texts[2] = {};
        Embeddings embeddings = {};
        uint32_t n = 0;

        ArenaMark mark = arena_mark(p->compute.arena);
        int r = read_texts(p, job, texts, &n, error);
        if (r >= 0) {
                /* Adapters would have to be part of the keys, with all that is in their files: without them it is simple. */
                r = job->adapted ? pipeline_embed(p, texts, n, job->request->clip_skip, &embeddings)
                                 : embed_once(p, job->request->clip_skip, texts, n, &embeddings);
                if (r >= 0 && n == 2 && p->model->zero_empty_negative && texts[0].tokens == 0) {
                        clear_first(&embeddings.text);
                        clear_first(&embeddings.pooled);
                }
                if (r >= 0)
                        r = new_context(p, job, &embeddings, ret);
                r = pipeline_check(p, r, "encode", error);
        }
        arena_release(p->compute.arena, mark);
        chunks_done(&texts[0]);
        chunks_done(&texts[1]);
        return r;
}

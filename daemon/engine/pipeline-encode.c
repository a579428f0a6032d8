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

/* Each chunk is read by itself; of each text they lie side by side in *ret, [n, 1, chunks * length, width]. */
static int embed(Pipeline *p, const Chunks *texts, uint32_t n, Tensor *ret, Error *error)
{
        const uint32_t chunks = texts[0].n, length = texts[0].length;
        const size_t size = (size_t)chunks * length;
        _cleanup_(freep) uint32_t *ids = calloc(n * size, sizeof(*ids));
        if (!ids)
                return error_set(error, -ENOMEM, "encode: out of memory");

        for (uint32_t i = 0; i < n; i++)
                memcpy(ids + i * size, texts[i].ids, size * sizeof(*ids));
        int r = pipeline_check(
                        p, text_encoder_forward(p->text_encoder, &p->compute, ids, n * chunks, length, ret), "encode",
                        error);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < n * chunks; i++)
                chunks_weigh(&texts[i / chunks], i % chunks, ret->data + (size_t)i * length * ret->c, ret->c);
        ret->n = n;
        ret->w = chunks * length;
        return 0;
}

/* The negative prompt, where it is used, comes first, as in diffusers; the shorter one is padded. */
static int read_texts(const Pipeline *p, const PictureJob *job, Chunks ret[static 2], uint32_t *ret_n, Error *error)
{
        const Request *q = job->request;
        uint32_t n = 0, longest = 0;
        int r = 0;

        if (pipeline_has_guidance(job))
                r = pipeline_read_text(p, "negative-prompt", q->negative_prompt, &ret[n++], error);
        if (r >= 0)
                r = pipeline_read_text(p, "prompt", q->prompt, &ret[n++], error);
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

int pipeline_encode(Pipeline *p, const PictureJob *job, UNetContext **ret, Error *error)
{
        Chunks texts[2] = {};
        Tensor embedded = {};
        uint32_t n = 0;

        ArenaMark mark = arena_mark(p->compute.arena);
        int r = read_texts(p, job, texts, &n, error);
        if (r >= 0)
                r = embed(p, texts, n, &embedded, error);
        if (r >= 0)
                r = pipeline_check(p, unet_context_new(ret, p->unet, &p->compute, &embedded), "encode", error);
        arena_release(p->compute.arena, mark);
        chunks_done(&texts[0]);
        chunks_done(&texts[1]);
        return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/text/chunks.h"

/* How far back from a chunk's end a comma may be for the chunk to end there: 20 of 75 tokens. */
static uint32_t back_off(uint32_t room)
{
        return room * 20 / 75;
}

/* The chunk being filled is the last one; its tokens stand from ids[1] on. */
typedef struct Builder {
        const Tokenizer *tokenizer;
        Chunks *chunks;
        uint32_t limit;
        uint32_t filled;
        uint32_t comma; /* where the last one stands in this chunk, counted from 1; 0: there is none */
} Builder;

static uint32_t *ids_of(const Chunks *c, uint32_t chunk)
{
        return c->ids + (size_t)chunk * c->length;
}

static float *weights_of(const Chunks *c, uint32_t chunk)
{
        return c->weights + (size_t)chunk * c->length;
}

/* A chunk without tokens: marks, padding, weights of 1. */
static void clear_chunk(const Chunks *c, uint32_t chunk, const Tokenizer *tokenizer)
{
        const TokenizerMarks marks = tokenizer_marks(tokenizer);
        uint32_t *ids = ids_of(c, chunk);

        ids[0] = marks.start;
        ids[1] = marks.end;
        for (uint32_t i = 2; i < c->length; i++)
                ids[i] = marks.padding;
        for (uint32_t i = 0; i < c->length; i++)
                weights_of(c, chunk)[i] = 1;
}

static int grow(Chunks *c, uint32_t n, const Tokenizer *tokenizer)
{
        uint32_t *ids = reallocarray(c->ids, (size_t)n * c->length, sizeof(*ids));
        if (ids)
                c->ids = ids;
        float *weights = reallocarray(c->weights, (size_t)n * c->length, sizeof(*weights));
        if (weights)
                c->weights = weights;
        if (!ids || !weights)
                return -ENOMEM;
        while (c->n < n)
                clear_chunk(c, c->n++, tokenizer);
        return 0;
}

static bool is_last(const Builder *b)
{
        return b->chunks->n == b->limit;
}

static int begin_chunk(Builder *b)
{
        b->filled = b->comma = 0;
        return grow(b->chunks, b->chunks->n + 1, b->tokenizer);
}

static void append(Builder *b, uint32_t id, float weight)
{
        Chunks *c = b->chunks;
        uint32_t *ids = ids_of(c, c->n - 1);

        b->filled++;
        ids[b->filled] = id;
        ids[b->filled + 1] = tokenizer_marks(b->tokenizer).end;
        weights_of(c, c->n - 1)[b->filled] = weight;
}

/* Begins a chunk with what stands behind the last comma of the full one. */
static int break_at(Builder *b, uint32_t comma)
{
        const TokenizerMarks marks = tokenizer_marks(b->tokenizer);
        const uint32_t room = b->chunks->length - 2, full = b->chunks->n - 1;

        int r = begin_chunk(b);
        if (r < 0)
                return r;
        uint32_t *ids = ids_of(b->chunks, full);
        for (uint32_t i = comma + 1; i <= room; i++) {
                append(b, ids[i], weights_of(b->chunks, full)[i]);
                ids[i] = i == comma + 1 ? marks.end : marks.padding;
                weights_of(b->chunks, full)[i] = 1;
        }
        if (comma < room)
                ids[room + 1] = marks.padding;
        return 0;
}

static int put_token(Builder *b, uint32_t id, float weight)
{
        Chunks *c = b->chunks;
        const uint32_t room = c->length - 2;
        bool is_comma = id == tokenizer_marks(b->tokenizer).comma;

        if (b->filled == room) {
                if (is_last(b)) {
                        c->truncated++;
                        return 0;
                }
                /* The reference counts from the comma's place counted from 0, and breaks nowhere else where the next
                 * token is a comma, of which the next chunk then takes no notice. */
                bool moves = b->comma > 0 && room - (b->comma - 1) <= back_off(room) && !is_comma;
                int r = moves ? break_at(b, b->comma) : begin_chunk(b);
                if (r < 0)
                        return r;
                is_comma = false;
        }
        append(b, id, weight);
        if (is_comma)
                b->comma = b->filled;
        c->tokens++;
        c->weighted = c->weighted || weight < 1 || weight > 1;
        return 0;
}

static int put_part(Builder *b, const PromptPart *part, Error *error)
{
        _cleanup_(freep) uint32_t *ids = NULL;
        size_t n = 0;

        if (!part->text)
                return is_last(b) ? 0 : begin_chunk(b);
        int r = tokenizer_tokens(b->tokenizer, part->text, &ids, &n, error);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = put_token(b, ids[i], (float)part->weight);
        return r;
}

int chunks_new(Chunks *ret, const Tokenizer *tokenizer, const Prompt *prompt, uint32_t limit, Error *error)
{
        _cleanup_(chunks_done) Chunks chunks = { .length = tokenizer_max_length(tokenizer) };
        Builder builder = { .tokenizer = tokenizer, .chunks = &chunks, .limit = limit };

        int r = begin_chunk(&builder);
        for (size_t i = 0; i < prompt->n_parts && r >= 0; i++)
                r = put_part(&builder, &prompt->parts[i], error);
        if (r == -ENOMEM)
                return error_set(error, r, "prompt: out of memory");
        if (r < 0)
                return r;

        /* A break at the end, or a full chunk, leaves nothing for the next. */
        if (builder.filled == 0 && chunks.n > 1)
                chunks.n--;
        *ret = chunks;
        chunks = (Chunks) {};
        return 0;
}

void chunks_done(Chunks *chunks)
{
        free(chunks->ids);
        free(chunks->weights);
        *chunks = (Chunks) {};
}

int chunks_pad(Chunks *chunks, const Tokenizer *tokenizer, uint32_t n)
{
        return n > chunks->n ? grow(chunks, n, tokenizer) : 0;
}

static double mean(const float *values, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += (double)values[i];
        return sum / (double)n;
}

void chunks_weigh(const Chunks *chunks, uint32_t i, float *embeddings, size_t width)
{
        const size_t n = chunks->length * width;
        const float *weights = weights_of(chunks, i);

        if (!chunks->weighted)
                return;
        double before = mean(embeddings, n);
        for (uint32_t token = 0; token < chunks->length; token++)
                for (size_t k = 0; k < width; k++)
                        embeddings[token * width + k] *= weights[token];

        double factor = before / mean(embeddings, n);
        for (size_t k = 0; isfinite(factor) && k < n; k++)
                embeddings[k] *= (float)factor;
}

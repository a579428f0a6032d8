/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "engine/denoise/token_merging.h"
#include "engine/denoise/transformer.h"

/* Both are constants in diffusers, whatever the configuration says. */
#define GROUP_NORM_EPS 1e-6f
#define LAYER_NORM_EPS 1e-5f

static void load_block(Loader *loader, TransformerBlock *ret, const TransformerShape *shape, const char *key)
{
        const uint32_t n = shape->channels, text = shape->text_width;
        const LayerKind plain = LAYER_LINEAR | LAYER_NO_BIAS;

        load_norm(loader, &ret->norm1, n, 1, LAYER_NORM_EPS, "%s.norm1", key);
        load_matrix(loader, &ret->query, plain, n, n, "%s.attn1.to_q", key);
        load_matrix(loader, &ret->key, plain, n, n, "%s.attn1.to_k", key);
        load_matrix(loader, &ret->value, plain, n, n, "%s.attn1.to_v", key);
        load_matrix(loader, &ret->out, LAYER_LINEAR, n, n, "%s.attn1.to_out.0", key);

        load_norm(loader, &ret->norm2, n, 1, LAYER_NORM_EPS, "%s.norm2", key);
        load_matrix(loader, &ret->cross_query, plain, n, n, "%s.attn2.to_q", key);
        load_matrix(loader, &ret->cross_key, plain, text, n, "%s.attn2.to_k", key);
        load_matrix(loader, &ret->cross_value, plain, text, n, "%s.attn2.to_v", key);
        load_matrix(loader, &ret->cross_out, LAYER_LINEAR, n, n, "%s.attn2.to_out.0", key);

        load_norm(loader, &ret->norm3, n, 1, LAYER_NORM_EPS, "%s.norm3", key);
        load_matrix(loader, &ret->widen, LAYER_GEGLU, n, 4 * n, "%s.ff.net.0.proj", key);
        load_matrix(loader, &ret->narrow, LAYER_LINEAR, 4 * n, n, "%s.ff.net.2", key);
}

void load_transformer(
                Loader *loader, Transformer *ret, const TransformerShape *shape, uint32_t first_context,
                const char *key_format, ...)
{
        const LayerKind projection = LAYER_POINTWISE; /* they are stored as either */
        char key[KEY_MAX - 64], block_key[KEY_MAX - 32];
        va_list args;

        va_start(args, key_format);
        (void)vsnprintf(key, sizeof key, key_format, args);
        va_end(args);

        *ret = (Transformer) {
                .channels = shape->channels,
                .heads = shape->heads,
                .n_blocks = shape->n_blocks,
                .blocks = load_array(loader, shape->n_blocks, sizeof *ret->blocks),
                .first_context = first_context,
        };
        load_norm(loader, &ret->norm, shape->channels, shape->groups, GROUP_NORM_EPS, "%s.norm", key);
        load_matrix(loader, &ret->proj_in, projection, shape->channels, shape->channels, "%s.proj_in", key);
        for (uint32_t i = 0; i < shape->n_blocks && loader->r == 0; i++) {
                (void)snprintf(block_key, sizeof block_key, "%s.transformer_blocks.%u", key, i);
                load_block(loader, &ret->blocks[i], shape, block_key);
        }
        load_matrix(loader, &ret->proj_out, projection, shape->channels, shape->channels, "%s.proj_out",
                    key);
}

static Tensor tensor_like(Compute *c, const Tensor *x, TensorType type, uint32_t channels)
{
        return compute_tensor_of(c, type, x->n, x->h, x->w, channels);
}

void transformer_context(
                Compute *c, const Transformer *t, Arena *arena, const Tensor *text, AttentionKeys *ret)
{
        for (uint32_t i = 0; i < t->n_blocks; i++) {
                ArenaMark mark = arena_mark(c->arena);
                const TensorType type = attention_type(&t->blocks[i].cross_key);
                Tensor k = tensor_like(c, text, type, t->channels), v = tensor_like(c, text, type, t->channels);

                linear(c, &t->blocks[i].cross_key, text, FINISH_PLAIN, NULL, &k);
                linear(c, &t->blocks[i].cross_value, text, FINISH_PLAIN, NULL, &v);
                ret[t->first_context + i] = attention_keys(c, arena, PRECISION_AUTO, t->heads, &k, &v);
                arena_release(c->arena, mark);
        }
}

/* What the tokens, which are normed, have to say to each other. */
static void attend(
                Compute *c, const TransformerBlock *block, uint32_t heads, const Tensor *normed, const Tensor *residual,
                const Tensor *ret)
{
        const TensorType type = attention_type(&block->query);
        Tensor q = tensor_like(c, normed, type, normed->c), k = tensor_like(c, normed, type, normed->c),
               v = tensor_like(c, normed, type, normed->c);

        linear(c, &block->query, normed, FINISH_PLAIN, NULL, &q);
        linear(c, &block->key, normed, FINISH_PLAIN, NULL, &k);
        linear(c, &block->value, normed, FINISH_PLAIN, NULL, &v);
        AttentionKeys keys = attention_keys(c, c->arena, block->query.products->precision, heads, &k, &v);
        attention(c, &q, &keys, false, &q);
        linear(c, &block->out, &q, FINISH_PLAIN, residual, ret);
}

static void self_attention(Compute *c, const TransformerBlock *block, uint32_t heads, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        const Matrix *readers[] = { &block->query, &block->key, &block->value };
        Tensor normed = tensor_like(c, x, matrices_read(readers, ELEMENTSOF(readers)), x->c);

        layer_norm(c, &block->norm1, x, &normed);
        attend(c, block, heads, &normed, x, x);
        arena_release(c->arena, mark);
}

static void merged_self_attention(
                Compute *c, const TransformerBlock *block, uint32_t heads, double share, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor normed = tensor_like(c, x, TENSOR_F32, x->c);

        layer_norm(c, &block->norm1, x, &normed);
        const TokenMap map = token_map(c, &normed, share);
        Tensor few = compute_tensor_of(c, matrix_reads(&block->query), x->n, 1, map.kept, x->c);
        Tensor ret = compute_tensor(c, x->n, 1, map.kept, x->c);
        tokens_merge(c, &map, &normed, &few);
        attend(c, block, heads, &few, NULL, &ret);
        tokens_add(c, &map, &ret, x);
        arena_release(c->arena, mark);
}

static void cross_attention(
                Compute *c, const TransformerBlock *block, const AttentionKeys *text, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        const Matrix *readers[] = { &block->cross_query };
        Tensor normed = tensor_like(c, x, matrices_read(readers, ELEMENTSOF(readers)), x->c);
        Tensor q = tensor_like(c, x, attention_type(&block->cross_query), x->c);

        layer_norm(c, &block->norm2, x, &normed);
        linear(c, &block->cross_query, &normed, FINISH_PLAIN, NULL, &q);
        attention(c, &q, text, false, &q);
        linear(c, &block->cross_out, &q, FINISH_PLAIN, x, x);
        arena_release(c->arena, mark);
}

/* Some tokens at a time, so that what is four times as wide as they are has hardly left the near caches when it is read again. */
static void feed_forward(Compute *c, const TransformerBlock *block, const Tensor *x)
{
        enum { NUMBERS = 327680, TOKENS = 512 };
        ArenaMark mark = arena_mark(c->arena);
        const Matrix *readers[] = { &block->widen };
        const size_t tokens = tensor_rows(x), band = MIN(tokens, (size_t)MAX(NUMBERS / x->c, TOKENS));
        Tensor part = { .n = 1, .h = 1, .w = (uint32_t)band, .c = x->c };
        Tensor wide = tensor_like(c, &part, matrix_reads(&block->narrow), 4 * x->c),
               normed = tensor_like(c, &part, matrices_read(readers, ELEMENTSOF(readers)), x->c);

        for (size_t first = 0; first < tokens && c->error == 0; first += band) {
                part.w = wide.w = normed.w = (uint32_t)MIN(band, tokens - first);
                part.data = tensor_at(x, first * x->c);
                layer_norm(c, &block->norm3, &part, &normed);
                linear(c, &block->widen, &normed, FINISH_GEGLU, NULL, &wide);
                linear(c, &block->narrow, &wide, FINISH_PLAIN, &part, &part);
        }
        arena_release(c->arena, mark);
}

void transformer(Compute *c, const Transformer *t, const AttentionKeys *context, double merged, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor h = tensor_like(c, x, TENSOR_F32, x->c), normed = tensor_like(c, x, matrix_reads(&t->proj_in), x->c);

        group_norm(c, &t->norm, x, false, &normed);
        linear(c, &t->proj_in, &normed, FINISH_PLAIN, NULL, &h);
        for (uint32_t i = 0; i < t->n_blocks; i++) {
                if (merged > 0)
                        merged_self_attention(c, &t->blocks[i], t->heads, merged, &h);
                else
                        self_attention(c, &t->blocks[i], t->heads, &h);
                cross_attention(c, &t->blocks[i], &context[t->first_context + i], &h);
                feed_forward(c, &t->blocks[i], &h);
        }
        linear(c, &t->proj_out, &h, FINISH_PLAIN, x, x);
        arena_release(c->arena, mark);
}

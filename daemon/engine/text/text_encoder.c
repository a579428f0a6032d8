/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/layers/loader.h"
#include "engine/tensor/attention.h"
#include "engine/tensor/pointwise.h"
#include "engine/text/text_encoder.h"

typedef struct EncoderLayer {
        Norm norm1, norm2;
        Matrix query, key, value, out;
        Matrix widen, narrow; /* the feed-forward network */
} EncoderLayer;

struct TextEncoder {
        TextEncoderConfig config;
        Arena *arena;
        Matrices matrices;
        Table tokens; /* [vocab_size][hidden_size] */
        Table positions; /* [max_positions][hidden_size] */
        EncoderLayer *layers;
        Norm final_norm;
        uint32_t pooled_width; /* 0: no projection */
        Matrix projection;
};

static void load_layer(Loader *loader, const TextEncoderConfig *c, EncoderLayer *ret, uint32_t i)
{
        const uint32_t n = c->hidden_size;
        char key[64];

        (void)snprintf(key, sizeof key, "text_model.encoder.layers.%u", i);
        load_norm(loader, &ret->norm1, n, 1, c->layer_norm_eps, "%s.layer_norm1", key);
        load_matrix(loader, &ret->query, LAYER_LINEAR, n, n, "%s.self_attn.q_proj", key);
        load_matrix(loader, &ret->key, LAYER_LINEAR, n, n, "%s.self_attn.k_proj", key);
        load_matrix(loader, &ret->value, LAYER_LINEAR, n, n, "%s.self_attn.v_proj", key);
        load_matrix(loader, &ret->out, LAYER_LINEAR, n, n, "%s.self_attn.out_proj", key);
        load_norm(loader, &ret->norm2, n, 1, c->layer_norm_eps, "%s.layer_norm2", key);
        load_matrix(loader, &ret->widen, LAYER_LINEAR, n, c->intermediate_size, "%s.mlp.fc1", key);
        load_matrix(loader, &ret->narrow, LAYER_LINEAR, c->intermediate_size, n, "%s.mlp.fc2", key);
}

static void load_all(Loader *loader, TextEncoder *encoder)
{
        const TextEncoderConfig *c = &encoder->config;
        const char *embeddings = "text_model.embeddings";

        load_table(loader, &encoder->tokens, c->vocab_size, c->hidden_size, "%s.token_embedding.weight", embeddings);
        load_table(loader, &encoder->positions, c->max_positions, c->hidden_size, "%s.position_embedding.weight",
                   embeddings);
        encoder->layers = load_array(loader, c->n_layers, sizeof *encoder->layers);
        for (uint32_t i = 0; i < c->n_layers && loader->r == 0; i++)
                load_layer(loader, c, &encoder->layers[i], i);
        load_norm(loader, &encoder->final_norm, c->hidden_size, 1, c->layer_norm_eps,
                  "text_model.final_layer_norm");
        if (weights_has(loader->weights, "text_projection.weight")) {
                encoder->pooled_width = c->projection;
                load_matrix(loader, &encoder->projection, LAYER_LINEAR | LAYER_NO_BIAS | LAYER_FLOATS, c->hidden_size,
                            c->projection, "text_projection");
        }
}

int text_encoder_new(
                TextEncoder **ret, const TextEncoderConfig *config, const Weights *weights, Precision precision,
                Error *error)
{
        _cleanup_(text_encoder_freep) TextEncoder *encoder = calloc(1, sizeof *encoder);
        if (!encoder || !(encoder->arena = loader_arena_new(weights)))
                return error_set(error, -ENOMEM, "Not enough memory for the text encoder");

        Loader loader = {
                .weights = weights,
                .arena = encoder->arena,
                .error = error,
                .precision = precision,
                .matrices = &encoder->matrices,
        };
        encoder->config = *config;
        load_all(&loader, encoder);
        if (loader.r < 0)
                return loader.r;

        *ret = TAKE_PTR(encoder);
        return 0;
}

const Matrices *text_encoder_matrices(const TextEncoder *encoder)
{
        return &encoder->matrices;
}

TextEncoder *text_encoder_free(TextEncoder *encoder)
{
        if (!encoder)
                return NULL;
        matrices_done(&encoder->matrices);
        (void)arena_free(encoder->arena);
        free(encoder);
        return NULL;
}

static Finish finish_of(Activation activation)
{
        switch (activation) {
        case ACTIVATION_SILU:
                return FINISH_SILU;
        case ACTIVATION_GELU:
                return FINISH_GELU;
        case ACTIVATION_QUICK_GELU:
                break;
        }
        return FINISH_QUICK_GELU;
}

static void embed(Compute *c, const TextEncoder *encoder, const uint32_t *ids, const Tensor *ret)
{
        const size_t width = encoder->config.hidden_size;
        ArenaMark mark = arena_mark(c->arena);
        float *position = compute_alloc(c, width);

        for (size_t row = 0; row < tensor_rows(ret) && c->error == 0; row++) {
                table_row(&encoder->tokens, ids[row], ret->data + row * width);
                table_row(&encoder->positions, row % ret->w, position);
                for (size_t i = 0; i < width; i++)
                        ret->data[row * width + i] += position[i];
        }
        arena_release(c->arena, mark);
}

static void self_attention(Compute *c, const EncoderLayer *layer, uint32_t heads, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        const TensorType type = attention_type(&layer->query);
        Tensor normed = compute_tensor_of(c, matrix_reads(&layer->query), x->n, 1, x->w, x->c);
        Tensor q = compute_tensor_of(c, type, x->n, 1, x->w, x->c), k = compute_tensor_of(c, type, x->n, 1, x->w, x->c),
               v = compute_tensor_of(c, type, x->n, 1, x->w, x->c);

        layer_norm(c, &layer->norm1, x, &normed);
        linear(c, &layer->query, &normed, FINISH_PLAIN, NULL, &q);
        linear(c, &layer->key, &normed, FINISH_PLAIN, NULL, &k);
        linear(c, &layer->value, &normed, FINISH_PLAIN, NULL, &v);
        AttentionKeys keys = attention_keys(c, c->arena, PRECISION_AUTO, heads, &k, &v);
        attention(c, &q, &keys, true, &q);
        linear(c, &layer->out, &q, FINISH_PLAIN, x, x);
        arena_release(c->arena, mark);
}

static void feed_forward(Compute *c, const EncoderLayer *layer, Finish activation, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor normed = compute_tensor_of(c, matrix_reads(&layer->widen), x->n, 1, x->w, x->c),
               wide = compute_tensor_of(c, matrix_reads(&layer->narrow), x->n, 1, x->w, layer->widen.n);

        layer_norm(c, &layer->norm2, x, &normed);
        linear(c, &layer->widen, &normed, activation, NULL, &wide);
        linear(c, &layer->narrow, &wide, FINISH_PLAIN, x, x);
        arena_release(c->arena, mark);
}

uint32_t text_encoder_pooled_width(const TextEncoder *encoder)
{
        return encoder->pooled_width;
}

/* Where a text ends: at the first end mark, or, for configurations that do not know it, at the first of the
 * largest ids; at the start if there is none. */
static uint32_t end_of_text(const TextEncoderConfig *config, const uint32_t *ids, uint32_t length)
{
        uint32_t end = 0;

        for (uint32_t i = 0; i < length; i++) {
                if (config->eos_token == CONFIG_EOS_LARGEST)
                        end = ids[i] > ids[end] ? i : end;
                else if (ids[i] == config->eos_token)
                        return i;
        }
        return end;
}

/* x: what all layers made of the ids; kept as it is. */
static void pool(Compute *c, const TextEncoder *encoder, const uint32_t *ids, const Tensor *x, const Tensor *ret)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor ends = compute_tensor(c, x->n, 1, 1, x->c);

        for (uint32_t i = 0; c->error == 0 && i < x->n; i++) {
                size_t row = (size_t)i * x->w + end_of_text(&encoder->config, ids + (size_t)i * x->w, x->w);
                memcpy(ends.data + (size_t)i * x->c, x->data + row * x->c, x->c * sizeof(float));
        }
        layer_norm(c, &encoder->final_norm, &ends, &ends);
        linear(c, &encoder->projection, &ends, FINISH_PLAIN, NULL, ret);
        arena_release(c->arena, mark);
}

static void run_layers(
                Compute *c, const TextEncoder *encoder, uint32_t first, uint32_t end, const Tensor *x)
{
        const TextEncoderConfig *config = &encoder->config;

        for (uint32_t i = first; i < end; i++) {
                self_attention(c, &encoder->layers[i], config->n_heads, x);
                feed_forward(c, &encoder->layers[i], finish_of(config->activation), x);
        }
}

static void forward(
                Compute *c, const TextEncoder *encoder, const uint32_t *ids, const TextWish *wish,
                const Tensor *ret, const Tensor *pooled)
{
        const uint32_t n_layers = encoder->config.n_layers, layers = n_layers - MIN(wish->skip, n_layers - 1);
        ArenaMark mark = arena_mark(c->arena);

        embed(c, encoder, ids, ret);
        run_layers(c, encoder, 0, layers, ret);
        if (wish->pooled) {
                Tensor last = *ret;
                if (layers < n_layers) {
                        last = compute_tensor(c, ret->n, 1, ret->w, ret->c);
                        tensor_copy(c, ret, &last);
                        run_layers(c, encoder, layers, n_layers, &last);
                }
                pool(c, encoder, ids, &last, pooled);
        }
        if (!wish->plain)
                layer_norm(c, &encoder->final_norm, ret, ret);
        arena_release(c->arena, mark);
}

int text_encoder_forward(
                const TextEncoder *encoder, Compute *compute, const uint32_t *ids, uint32_t n,
                uint32_t length, const TextWish *wish, Tensor *ret, Tensor *ret_pooled)
{
        const TextEncoderConfig *config = &encoder->config;

        if (n == 0 || length == 0 || length > config->max_positions ||
            (wish->pooled && encoder->pooled_width == 0))
                return -EINVAL;
        for (size_t i = 0; i < (size_t)n * length; i++)
                if (ids[i] >= config->vocab_size)
                        return -EINVAL;

        Tensor pooled = {}, x = compute_tensor(compute, n, 1, length, config->hidden_size);
        if (wish->pooled)
                pooled = compute_tensor(compute, n, 1, 1, encoder->pooled_width);
        forward(compute, encoder, ids, wish, &x, &pooled);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = x;
        if (wish->pooled)
                *ret_pooled = pooled;
        return 0;
}

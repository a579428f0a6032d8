/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "engine/denoise/time_embedding.h"
#include "engine/denoise/transformer.h"
#include "engine/denoise/unet.h"
#include "engine/layers/resnet_block.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/pointwise.h"

/* One level on the way down or up. */
typedef struct Level {
        uint32_t n_resnets;
        ResnetBlock *resnets;
        Transformer *transformers; /* one a resnet, or NULL */
        bool resamples;
        Matrix resample; /* to half or twice the size */
} Level;

struct UNet {
        UNetConfig config;
        Arena *arena;
        Matrices matrices;
        uint32_t n_contexts; /* cross-attentions */
        TimeEmbedding time;
        Matrix conv_in, conv_out;
        Level down[CONFIG_LEVELS_MAX], up[CONFIG_LEVELS_MAX];
        ResnetBlock mid_resnet1, mid_resnet2;
        Transformer mid_transformer;
        Norm norm_out;
};

static void load_level_resnet(
                Loader *loader, UNet *unet, ResnetBlock *ret, uint32_t in, uint32_t out, const char *key)
{
        const UNetConfig *c = &unet->config;
        load_resnet_block(loader, ret, in, out, time_width(c), c->norm_groups, c->norm_eps, "%s", key);
}

static void load_level_transformer(
                Loader *loader, UNet *unet, Transformer *ret, uint32_t level, const char *key)
{
        const UNetConfig *c = &unet->config;
        TransformerShape shape = {
                .channels = c->block_out_channels[level],
                .heads = c->n_heads[level],
                .n_blocks = c->transformer_layers[level],
                .text_width = c->cross_attention_dim,
                .groups = c->norm_groups,
        };

        load_transformer(loader, ret, &shape, unet->n_contexts, "%s", key);
        unet->n_contexts += shape.n_blocks;
}

static void load_down(Loader *loader, UNet *unet, uint32_t i)
{
        const UNetConfig *c = &unet->config;
        const uint32_t out = c->block_out_channels[i], in = i > 0 ? c->block_out_channels[i - 1] : out;
        Level *level = &unet->down[i];
        char key[64];

        level->n_resnets = c->layers_per_block[i];
        level->resnets = load_array(loader, level->n_resnets, sizeof *level->resnets);
        if (c->down_attention[i])
                level->transformers = load_array(loader, level->n_resnets, sizeof *level->transformers);
        for (uint32_t j = 0; j < level->n_resnets && loader->r == 0; j++) {
                (void)snprintf(key, sizeof key, "down_blocks.%u.resnets.%u", i, j);
                load_level_resnet(loader, unet, &level->resnets[j], j > 0 ? out : in, out, key);
                (void)snprintf(key, sizeof key, "down_blocks.%u.attentions.%u", i, j);
                if (level->transformers)
                        load_level_transformer(loader, unet, &level->transformers[j], i, key);
        }
        level->resamples = i + 1 < c->n_levels;
        if (level->resamples)
                load_matrix(loader, &level->resample, LAYER_CONV3, out, out,
                            "down_blocks.%u.downsamplers.0.conv", i);
}

static void load_mid(Loader *loader, UNet *unet)
{
        const uint32_t last = unet->config.n_levels - 1, channels = unet->config.block_out_channels[last];

        load_level_resnet(loader, unet, &unet->mid_resnet1, channels, channels, "mid_block.resnets.0");
        load_level_transformer(loader, unet, &unet->mid_transformer, last, "mid_block.attentions.0");
        load_level_resnet(loader, unet, &unet->mid_resnet2, channels, channels, "mid_block.resnets.1");
}

/* up_blocks go from the smallest level to the largest; each resnet takes one of the down path's outputs
 * beside its input, in reverse order: of its own level, and at last what came into that level. */
static void load_up(Loader *loader, UNet *unet, uint32_t i)
{
        const UNetConfig *c = &unet->config;
        const uint32_t at = c->n_levels - 1 - i, out = c->block_out_channels[at];
        const uint32_t before = i > 0 ? c->block_out_channels[at + 1] : out;
        const uint32_t below = c->block_out_channels[at > 0 ? at - 1 : 0];
        Level *level = &unet->up[i];
        char key[64];

        level->n_resnets = c->layers_per_block[at] + 1;
        level->resnets = load_array(loader, level->n_resnets, sizeof *level->resnets);
        if (c->up_attention[i])
                level->transformers = load_array(loader, level->n_resnets, sizeof *level->transformers);
        for (uint32_t j = 0; j < level->n_resnets && loader->r == 0; j++) {
                uint32_t skip = j + 1 < level->n_resnets ? out : below;

                (void)snprintf(key, sizeof key, "up_blocks.%u.resnets.%u", i, j);
                load_level_resnet(loader, unet, &level->resnets[j], (j > 0 ? out : before) + skip, out, key);
                (void)snprintf(key, sizeof key, "up_blocks.%u.attentions.%u", i, j);
                if (level->transformers)
                        load_level_transformer(loader, unet, &level->transformers[j], at, key);
        }
        level->resamples = at > 0;
        if (level->resamples)
                load_matrix(loader, &level->resample, LAYER_CONV3, out, out,
                            "up_blocks.%u.upsamplers.0.conv", i);
}

static void load_all(Loader *loader, UNet *unet)
{
        const UNetConfig *c = &unet->config;
        const uint32_t first = c->block_out_channels[0];

        load_time_embedding(loader, c, &unet->time);
        load_matrix(loader, &unet->conv_in, LAYER_CONV3 | LAYER_FLOATS, c->in_channels, first, "conv_in");
        for (uint32_t i = 0; i < c->n_levels; i++)
                load_down(loader, unet, i);
        load_mid(loader, unet);
        for (uint32_t i = 0; i < c->n_levels; i++)
                load_up(loader, unet, i);
        load_norm(loader, &unet->norm_out, first, c->norm_groups, c->norm_eps, "conv_norm_out");
        load_matrix(loader, &unet->conv_out, LAYER_CONV3 | LAYER_FLOATS, first, c->out_channels, "conv_out");
}

int unet_new(UNet **ret, const UNetConfig *config, const Weights *weights, Precision precision, Error *error)
{
        _cleanup_(unet_freep) UNet *unet = calloc(1, sizeof *unet);
        if (!unet || !(unet->arena = loader_arena_new(weights)))
                return error_set(error, -ENOMEM, "Not enough memory for the denoiser");

        Loader loader = {
                .weights = weights,
                .arena = unet->arena,
                .error = error,
                .precision = precision,
                .matrices = &unet->matrices,
        };
        unet->config = *config;
        load_all(&loader, unet);
        if (loader.r < 0)
                return loader.r;

        *ret = TAKE_PTR(unet);
        return 0;
}

const Matrices *unet_matrices(const UNet *unet)
{
        return &unet->matrices;
}

UNet *unet_free(UNet *unet)
{
        if (!unet)
                return NULL;
        matrices_done(&unet->matrices);
        (void)arena_free(unet->arena);
        free(unet);
        return NULL;
}

struct UNetContext {
        Arena *arena;
        uint32_t n; /* texts */
        TimeConditions time;
        uint32_t n_keys;
        AttentionKeys keys[];
};

static void level_context(Compute *c, const Level *level, const Tensor *text, UNetContext *ret)
{
        for (uint32_t j = 0; level->transformers && j < level->n_resnets; j++)
                transformer_context(c, &level->transformers[j], ret->arena, text, ret->keys);
}

static bool conditions_fit(const UNetConfig *config, const UNetConditions *conditions)
{
        const Tensor *text = &conditions->text, *pooled = &conditions->pooled;

        if (text->c != config->cross_attention_dim || text->n == 0 || (size_t)text->h * text->w == 0)
                return false;
        return config->sizes_width == 0 ||
               (pooled->data && pooled->n == text->n && tensor_rows(pooled) == text->n &&
                pooled->c + CONFIG_SIZES * config->sizes_width == config->added_width);
}

int unet_context_new(
                UNetContext **ret, const UNet *unet, Compute *compute, const UNetConditions *conditions)
{
        const Tensor *text = &conditions->text;

        if (!conditions_fit(&unet->config, conditions))
                return -EINVAL;
        _cleanup_(unet_context_freep) UNetContext *context =
                        calloc(1, sizeof *context + unet->n_contexts * sizeof context->keys[0]);
        if (!context || !(context->arena = arena_new(0)))
                return -ENOMEM;

        context->n = text->n;
        time_conditions(compute, &unet->config, &unet->time, context->arena, conditions->guidance,
                        &conditions->pooled, conditions->sizes, &context->time);
        context->n_keys = unet->n_contexts;
        for (uint32_t i = 0; i < unet->config.n_levels; i++) {
                level_context(compute, &unet->down[i], text, context);
                level_context(compute, &unet->up[i], text, context);
        }
        transformer_context(compute, &unet->mid_transformer, context->arena, text, context->keys);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(context);
        return 0;
}

uint32_t unet_context_texts(const UNetContext *context)
{
        return context->n;
}

int unet_context_last(UNetContext **ret, const UNetContext *context)
{
        UNetContext *last = calloc(1, sizeof *last + context->n_keys * sizeof last->keys[0]);
        if (!last)
                return -ENOMEM;

        last->n = 1;
        last->n_keys = context->n_keys;
        last->time = context->time;
        if (last->time.added.data) {
                last->time.added.data += (size_t)(context->n - 1) * last->time.added.c;
                last->time.added.n = 1;
        }
        for (uint32_t i = 0; i < context->n_keys; i++)
                last->keys[i] = attention_keys_last(&context->keys[i]);
        *ret = last;
        return 0;
}

UNetContext *unet_context_free(UNetContext *context)
{
        if (!context)
                return NULL;
        (void)arena_free(context->arena);
        free(context);
        return NULL;
}

/* What runs through the levels of one forward pass. */
typedef struct Pass {
        const UNet *unet;
        const UNetContext *context;
        Tensor time; /* SiLU of the time embedding */
        Tensor *skips; /* the down path's outputs, for the up path */
        size_t n_skips;
} Pass;

static Tensor down_level(Compute *c, Pass *pass, const Level *level, Tensor x)
{
        for (uint32_t j = 0; j < level->n_resnets; j++) {
                Tensor out = compute_tensor(c, x.n, x.h, x.w, level->resnets[j].out);

                resnet_block(c, &level->resnets[j], &x, &pass->time, &out);
                if (level->transformers)
                        transformer(c, &level->transformers[j], pass->context->keys, &out);
                x = pass->skips[pass->n_skips++] = out;
        }
        if (level->resamples) {
                uint32_t h = convolution_size(CONVOLUTION_DOWN, x.h),
                         w = convolution_size(CONVOLUTION_DOWN, x.w);
                Tensor out = compute_tensor(c, x.n, h, w, x.c);

                convolution(c, &level->resample, CONVOLUTION_DOWN, &x, NULL, NULL, &out);
                x = pass->skips[pass->n_skips++] = out;
        }
        return x;
}

/* Beside its input, each resnet sees the latest skip that is left. The outputs take turns in two tensors. */
static Tensor up_level(Compute *c, Pass *pass, const Level *level, Tensor x)
{
        Tensor turns[2];

        for (int i = 0; i < 2; i++)
                turns[i] = compute_tensor(c, x.n, x.h, x.w, level->resnets[0].out);
        for (uint32_t j = 0; j < level->n_resnets; j++) {
                ArenaMark mark = arena_mark(c->arena);
                Tensor both = compute_tensor(c, x.n, x.h, x.w, level->resnets[j].in);

                tensor_concat(c, &x, &pass->skips[--pass->n_skips], &both);
                resnet_block(c, &level->resnets[j], &both, &pass->time, &turns[j % 2]);
                arena_release(c->arena, mark);
                x = turns[j % 2];
                if (level->transformers)
                        transformer(c, &level->transformers[j], pass->context->keys, &x);
        }
        if (level->resamples) {
                const Tensor *next = &pass->skips[pass->n_skips - 1];
                Tensor out = compute_tensor(c, x.n, next->h, next->w, x.c);

                convolution(c, &level->resample, CONVOLUTION_UP, &x, NULL, NULL, &out);
                x = out;
        }
        return x;
}

static void forward(Compute *c, Pass *pass, const Tensor *latents, const Tensor *ret)
{
        const UNet *unet = pass->unet;
        Tensor x = compute_tensor(c, latents->n, latents->h, latents->w, unet->config.block_out_channels[0]);

        convolution(c, &unet->conv_in, CONVOLUTION_SAME, latents, NULL, NULL, &x);
        pass->skips[pass->n_skips++] = x;
        for (uint32_t i = 0; i < unet->config.n_levels; i++)
                x = down_level(c, pass, &unet->down[i], x);

        Tensor mid = compute_tensor(c, x.n, x.h, x.w, x.c);
        resnet_block(c, &unet->mid_resnet1, &x, &pass->time, &mid);
        transformer(c, &unet->mid_transformer, pass->context->keys, &mid);
        resnet_block(c, &unet->mid_resnet2, &mid, &pass->time, &mid);

        x = mid;
        for (uint32_t i = 0; i < unet->config.n_levels; i++)
                x = up_level(c, pass, &unet->up[i], x);

        group_norm(c, &unet->norm_out, &x, true, &x);
        convolution(c, &unet->conv_out, CONVOLUTION_SAME, &x, NULL, NULL, ret);
}

static size_t count_skips(const UNet *unet)
{
        size_t n = 1;
        for (uint32_t i = 0; i < unet->config.n_levels; i++)
                n += unet->down[i].n_resnets + unet->down[i].resamples;
        return n;
}

int unet_forward(
                const UNet *unet, Compute *compute, const UNetContext *context, const Tensor *latents,
                float timestep, Tensor *ret)
{
        if (latents->n != context->n || latents->c != unet->config.in_channels || tensor_rows(latents) == 0)
                return -EINVAL;

        Tensor out = compute_tensor(compute, latents->n, latents->h, latents->w, unet->config.out_channels);
        ArenaMark mark = arena_mark(compute->arena);
        _cleanup_(freep) Tensor *skips = calloc(count_skips(unet), sizeof *skips);
        if (!skips)
                return -ENOMEM;

        Pass pass = { .unet = unet, .context = context, .skips = skips };
        pass.time = embed_time(compute, &unet->config, &unet->time, &context->time, timestep);
        forward(compute, &pass, latents, &out);
        arena_release(compute->arena, mark);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

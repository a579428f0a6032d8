/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/token_merging.h"
#include "engine/denoise/unet-private.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/pointwise.h"

static void load_level_resnet(
                Loader *loader, UNet *unet, ResnetBlock *ret, uint32_t in, uint32_t out, const char *key)
{
        const UNetConfig *c = &unet->config;
        load_resnet_block(loader, ret, in, out, time_width(c), c->norm_groups, c->norm_eps, "%s", key);
        ret->number = unet->n_resnets++;
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

/* What runs through the levels of one forward pass. */
typedef struct Pass {
        const UNet *unet;
        const UNetContext *context;
        const UNetShortcuts *shortcuts;
        const TimeSchedule *times; /* with this evaluation's */
        uint32_t evaluation;
        Tensor *skips; /* the down path's outputs, for the up path */
        size_t n_skips;
} Pass;

static void pass_resnet(Compute *c, const Pass *pass, const ResnetBlock *block, const Tensor *x, const Tensor *out)
{
        const TimeBias bias = time_bias(pass->times, pass->evaluation, block);

        resnet_block(c, block, x, &bias, out);
}

/* The number of the largest level that has transformers, from the top. */
static uint32_t first_attending(const UNet *unet)
{
        const uint32_t last = unet->config.n_levels - 1;
        uint32_t i = 0;

        while (i < last && !unet->down[i].transformers && !unet->up[last - i].transformers)
                i++;
        return i;
}

static void pass_transformer(Compute *c, const Pass *pass, const Level *level, uint32_t j, const Tensor *x)
{
        const UNet *unet = pass->unet;
        const uint32_t first = first_attending(unet);
        const bool merges = level == &unet->down[first] || level == &unet->up[unet->config.n_levels - 1 - first];

        if (level->transformers)
                transformer(c, &level->transformers[j], pass->context->keys, merges ? pass->shortcuts->merge_tokens : 0, x);
}

static Tensor down_layer(Compute *c, Pass *pass, const Level *level, uint32_t j, Tensor x)
{
        Tensor out = compute_tensor(c, x.n, x.h, x.w, level->resnets[j].out);

        pass_resnet(c, pass, &level->resnets[j], &x, &out);
        pass_transformer(c, pass, level, j, &out);
        return pass->skips[pass->n_skips++] = out;
}

static Tensor down_level(Compute *c, Pass *pass, const Level *level, Tensor x)
{
        for (uint32_t j = 0; j < level->n_resnets; j++)
                x = down_layer(c, pass, level, j, x);
        if (level->resamples) {
                uint32_t h = convolution_size(CONVOLUTION_DOWN, x.h),
                         w = convolution_size(CONVOLUTION_DOWN, x.w);
                Tensor out = compute_tensor(c, x.n, h, w, x.c);

                convolution(c, &level->resample, CONVOLUTION_DOWN, &x, NULL, NULL, &out);
                x = pass->skips[pass->n_skips++] = out;
        }
        return x;
}

/* The layer of the last level before which deep features are kept: after it come only what the first skips go into. */
static uint32_t deep_layer(const UNet *unet)
{
        return unet->up[unet->config.n_levels - 1].n_resnets - 2;
}

static void keep_deep(const Compute *c, const Pass *pass, const Level *level, uint32_t j, const Tensor *x)
{
        const Tensor *deep = pass->shortcuts->deep;
        const bool is_there = level == &pass->unet->up[pass->unet->config.n_levels - 1] && j == deep_layer(pass->unet);

        if (deep && is_there && !pass->shortcuts->reuse && c->error == 0 && !compute_cancelled(c))
                memcpy(deep->data, x->data, tensor_elements(x) * sizeof *x->data);
}

/* Beside its input, each resnet sees the latest skip that is left. The outputs take turns in two tensors. */
static Tensor up_level(Compute *c, Pass *pass, const Level *level, uint32_t first, Tensor x)
{
        Tensor turns[2];

        for (int i = 0; i < 2; i++)
                turns[i] = compute_tensor(c, x.n, x.h, x.w, level->resnets[0].out);
        for (uint32_t j = first; j < level->n_resnets; j++) {
                keep_deep(c, pass, level, j, &x);
                ArenaMark mark = arena_mark(c->arena);
                Tensor both = compute_tensor(c, x.n, x.h, x.w, level->resnets[j].in);

                tensor_concat(c, &x, &pass->skips[--pass->n_skips], &both);
                pass_resnet(c, pass, &level->resnets[j], &both, &turns[j % 2]);
                arena_release(c->arena, mark);
                x = turns[j % 2];
                pass_transformer(c, pass, level, j, &x);
        }
        if (level->resamples) {
                const Tensor *next = &pass->skips[pass->n_skips - 1];
                Tensor out = compute_tensor(c, x.n, next->h, next->w, x.c);

                convolution(c, &level->resample, CONVOLUTION_UP, &x, NULL, NULL, &out);
                x = out;
        }
        return x;
}

/* All levels, from the output of the first convolution. */
static Tensor pass_whole(Compute *c, Pass *pass, Tensor x)
{
        const UNet *unet = pass->unet;

        for (uint32_t i = 0; i < unet->config.n_levels; i++)
                x = down_level(c, pass, &unet->down[i], x);

        Tensor mid = compute_tensor(c, x.n, x.h, x.w, x.c);
        pass_resnet(c, pass, &unet->mid_resnet1, &x, &mid);
        transformer(c, &unet->mid_transformer, pass->context->keys, 0, &mid);
        pass_resnet(c, pass, &unet->mid_resnet2, &mid, &mid);

        x = mid;
        for (uint32_t i = 0; i < unet->config.n_levels; i++)
                x = up_level(c, pass, &unet->up[i], 0, x);
        return x;
}

/* The first layer and the last two, with what an earlier pass has left of the rest. */
static Tensor pass_shallow(Compute *c, Pass *pass, Tensor x)
{
        const UNet *unet = pass->unet;

        (void)down_layer(c, pass, &unet->down[0], 0, x);
        return up_level(c, pass, &unet->up[unet->config.n_levels - 1], deep_layer(unet), *pass->shortcuts->deep);
}

static void forward(Compute *c, Pass *pass, const Tensor *latents, const Tensor *ret)
{
        const UNet *unet = pass->unet;
        Tensor x = compute_tensor(c, latents->n, latents->h, latents->w, unet->config.block_out_channels[0]);

        convolution(c, &unet->conv_in, CONVOLUTION_SAME, latents, NULL, NULL, &x);
        pass->skips[pass->n_skips++] = x;
        x = pass->shortcuts->reuse ? pass_shallow(c, pass, x) : pass_whole(c, pass, x);
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

/* What was not computed before, of this timestep alone. */
static void find_time(Compute *c, const UNet *unet, const UNetContext *context, float timestep, TimeSchedule *own, Pass *pass)
{
        pass->times = &context->times;
        if (time_schedule_find(&context->times, timestep, &pass->evaluation))
                return;
        time_schedule(c, unet, &context->time, c->arena, &timestep, 1, own);
        pass->times = own;
        pass->evaluation = 0;
}

uint32_t unet_deep_channels(const UNet *unet)
{
        return unet->up[unet->config.n_levels - 1].resnets[deep_layer(unet)].in - unet->down[0].resnets[0].out;
}

static bool shortcuts_fit(const UNet *unet, const UNetShortcuts *shortcuts, const Tensor *latents)
{
        const Tensor *deep = shortcuts->deep;

        if (!(shortcuts->merge_tokens >= 0 && shortcuts->merge_tokens <= TOKENS_MERGED_MAX))
                return false;
        if (!deep)
                return !shortcuts->reuse;
        return deep->type == TENSOR_F32 && deep->c == unet_deep_channels(unet) && deep->n == latents->n &&
               deep->h == latents->h && deep->w == latents->w;
}

int unet_forward_short(
                const UNet *unet, Compute *compute, const UNetContext *context, const UNetShortcuts *shortcuts,
                const Tensor *latents, float timestep, Tensor *ret)
{
        if (latents->n != context->n || latents->c != unet->config.in_channels || tensor_rows(latents) == 0 ||
            !shortcuts_fit(unet, shortcuts, latents))
                return -EINVAL;

        Tensor out = compute_tensor(compute, latents->n, latents->h, latents->w, unet->config.out_channels);
        ArenaMark mark = arena_mark(compute->arena);
        const size_t skips = count_skips(unet) * sizeof(Tensor);
        TimeSchedule own;
        Pass pass = { .unet = unet, .context = context, .shortcuts = shortcuts };

        pass.skips = (Tensor *)compute_alloc(compute, (skips + sizeof(float) - 1) / sizeof(float));
        find_time(compute, unet, context, timestep, &own, &pass);
        if (compute->error == 0)
                forward(compute, &pass, latents, &out);
        arena_release(compute->arena, mark);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

int unet_forward(
                const UNet *unet, Compute *compute, const UNetContext *context, const Tensor *latents,
                float timestep, Tensor *ret)
{
        return unet_forward_short(unet, compute, context, &(UNetShortcuts) {}, latents, timestep, ret);
}

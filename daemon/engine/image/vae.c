/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/stream.h"
#include "engine/image/vae.h"
#include "engine/image/vae_attention.h"
#include "engine/image/vae_tiny.h"
#include "engine/tensor/pointwise.h"

#define EPS 1e-6f /* of all norms, a constant in diffusers */
#define LOG_VARIANCE_MIN -30.0f
#define LOG_VARIANCE_MAX 20.0f

typedef struct VaeLevel {
        uint32_t n_resnets;
        ResnetBlock *resnets;
        bool resamples;
        Matrix resample; /* to half or twice the size */
} VaeLevel;

/* Encoder and decoder are built of the same parts in a different order. */
typedef struct VaeHalf {
        Matrix conv_in, conv_out;
        VaeLevel levels[CONFIG_LEVELS_MAX];
        ResnetBlock mid1, mid2;
        VaeAttention mid_attention;
        Norm norm_out;
        Matrix quant; /* 1x1, at the end that touches the latents */
} VaeHalf;

struct Vae {
        VaeConfig config;
        Arena *arena, *encoder_arena; /* the second only with the encoder */
        VaeHalf decoder, encoder;
        TinyHalf tiny_decoder, tiny_encoder; /* in their place with VAE_TINY */
};

const VaeConfig *vae_config(const Vae *vae)
{
        return &vae->config;
}

uint32_t vae_factor(const VaeConfig *config)
{
        return 1u << (config->n_levels - 1);
}

static void load_level(
                Loader *loader, const VaeConfig *c, VaeLevel *ret, uint32_t in, uint32_t out,
                uint32_t n_resnets, const char *key)
{
        ret->n_resnets = n_resnets;
        ret->resnets = load_array(loader, n_resnets, sizeof *ret->resnets);
        for (uint32_t j = 0; j < n_resnets && loader->r == 0; j++)
                load_resnet_block(
                                loader, &ret->resnets[j], j > 0 ? out : in, out, 0, c->norm_groups, EPS,
                                "%s.resnets.%u", key, j);
}

static void load_mid(Loader *loader, const VaeConfig *c, VaeHalf *ret, const char *half)
{
        const uint32_t channels = c->block_out_channels[c->n_levels - 1];
        char key[64];

        load_resnet_block(
                        loader, &ret->mid1, channels, channels, 0, c->norm_groups, EPS,
                        "%s.mid_block.resnets.0", half);
        (void)snprintf(key, sizeof key, "%s.mid_block.attentions.0", half);
        if (c->mid_attention)
                load_vae_attention(loader, &ret->mid_attention, channels, c->norm_groups, EPS, key);
        load_resnet_block(
                        loader, &ret->mid2, channels, channels, 0, c->norm_groups, EPS,
                        "%s.mid_block.resnets.1", half);
}

static void load_decoder(Loader *loader, const VaeConfig *c, VaeHalf *ret)
{
        const uint32_t latent = c->latent_channels, top = c->n_levels - 1;
        uint32_t in = c->block_out_channels[top];
        char key[64];

        if (c->use_post_quant_conv)
                load_matrix(loader, &ret->quant, LAYER_CONV1 | LAYER_FLOATS, latent, latent, "post_quant_conv");
        load_matrix(loader, &ret->conv_in, LAYER_CONV3 | LAYER_FLOATS, latent, in, "decoder.conv_in");
        load_mid(loader, c, ret, "decoder");
        for (uint32_t i = 0; i < c->n_levels; i++) {
                uint32_t out = c->block_out_channels[top - i];
                VaeLevel *level = &ret->levels[i];

                (void)snprintf(key, sizeof key, "decoder.up_blocks.%u", i);
                load_level(loader, c, level, in, out, c->layers_per_block + 1, key);
                level->resamples = i < top;
                if (level->resamples)
                        load_matrix(loader, &level->resample, LAYER_CONV3, out, out, "%s.upsamplers.0.conv",
                                    key);
                in = out;
        }
        load_norm(loader, &ret->norm_out, in, c->norm_groups, EPS, "decoder.conv_norm_out");
        load_matrix(loader, &ret->conv_out, LAYER_CONV3 | LAYER_FLOATS, in, c->out_channels, "decoder.conv_out");
}

static void load_encoder(Loader *loader, const VaeConfig *c, VaeHalf *ret)
{
        const uint32_t moments = 2 * c->latent_channels, top = c->n_levels - 1;
        uint32_t in = c->block_out_channels[0];
        char key[64];

        load_matrix(loader, &ret->conv_in, LAYER_CONV3 | LAYER_FLOATS, c->in_channels, in, "encoder.conv_in");
        for (uint32_t i = 0; i < c->n_levels; i++) {
                uint32_t out = c->block_out_channels[i];
                VaeLevel *level = &ret->levels[i];

                (void)snprintf(key, sizeof key, "encoder.down_blocks.%u", i);
                load_level(loader, c, level, in, out, c->layers_per_block, key);
                level->resamples = i < top;
                if (level->resamples)
                        load_matrix(loader, &level->resample, LAYER_CONV3, out, out,
                                    "%s.downsamplers.0.conv", key);
                in = out;
        }
        load_mid(loader, c, ret, "encoder");
        load_norm(loader, &ret->norm_out, in, c->norm_groups, EPS, "encoder.conv_norm_out");
        load_matrix(loader, &ret->conv_out, LAYER_CONV3 | LAYER_FLOATS, in, moments, "encoder.conv_out");
        if (c->use_quant_conv)
                load_matrix(loader, &ret->quant, LAYER_CONV1 | LAYER_FLOATS, moments, moments, "quant_conv");
}

int vae_new(Vae **ret, const VaeConfig *config, const Weights *weights, Precision precision, Error *error)
{
        _cleanup_(vae_freep) Vae *vae = calloc(1, sizeof *vae);
        if (!vae || !(vae->arena = loader_arena_new(weights)))
                return error_set(error, -ENOMEM, "Not enough memory for the decoder");

        Loader loader = { .weights = weights, .arena = vae->arena, .error = error, .precision = precision };
        vae->config = *config;
        if (config->kind == VAE_TINY)
                load_tiny_decoder(&loader, config, &vae->tiny_decoder);
        else
                load_decoder(&loader, config, &vae->decoder);
        if (loader.r < 0)
                return loader.r;

        *ret = TAKE_PTR(vae);
        return 0;
}

int vae_load_encoder(Vae *vae, const Weights *weights, Precision precision, Error *error)
{
        _cleanup_(arena_freep) Arena *arena = loader_arena_new(weights);
        if (!arena)
                return error_set(error, -ENOMEM, "Not enough memory for the encoder");

        Loader loader = { .weights = weights, .arena = arena, .error = error, .precision = precision };
        VaeHalf encoder = {};
        TinyHalf tiny = {};
        if (vae->config.kind == VAE_TINY)
                load_tiny_encoder(&loader, &vae->config, &tiny);
        else
                load_encoder(&loader, &vae->config, &encoder);
        if (loader.r < 0)
                return loader.r;

        (void)arena_free(vae->encoder_arena);
        vae->encoder_arena = TAKE_PTR(arena);
        vae->encoder = encoder;
        vae->tiny_encoder = tiny;
        return 0;
}

Vae *vae_free(Vae *vae)
{
        if (!vae)
                return NULL;
        (void)arena_free(vae->arena);
        (void)arena_free(vae->encoder_arena);
        free(vae);
        return NULL;
}

static void stream_mid(Stream *s, const VaeConfig *config, const VaeHalf *half)
{
        stream_resnet(s, &half->mid1);
        if (config->mid_attention && stream_ready(s))
                vae_attention(s->c, &half->mid_attention, &s->x);
        stream_resnet(s, &half->mid2);
}

/* From latents to what the last norm sees. */
static void stream_decode(Stream *s, const Vae *vae, const Tensor *latents)
{
        const VaeHalf *half = &vae->decoder;

        stream_begin(s, latents);
        if (vae->config.use_post_quant_conv)
                stream_linear(s, &half->quant);
        stream_convolution(s, &half->conv_in, CONVOLUTION_SAME);
        stream_mid(s, &vae->config, half);
        for (uint32_t i = 0; i < vae->config.n_levels; i++) {
                const VaeLevel *level = &half->levels[i];

                for (uint32_t j = 0; j < level->n_resnets; j++)
                        stream_resnet(s, &level->resnets[j]);
                if (level->resamples)
                        stream_convolution(s, &level->resample, CONVOLUTION_UP);
        }
}

static void decode(const Vae *vae, Compute *c, const Tensor *latents, const Tensor *ret)
{
        const VaeHalf *half = &vae->decoder;
        Stream s = { .c = c };

        stream_decode(&s, vae, latents);
        stream_decode(&s, vae, latents);
        group_norm(c, &half->norm_out, &s.x, true, &s.x);
        convolution(c, &half->conv_out, CONVOLUTION_SAME, &s.x, NULL, NULL, ret);
}

int vae_decode(const Vae *vae, Compute *compute, const Tensor *latents, Tensor *ret)
{
        const uint32_t factor = vae_factor(&vae->config);

        if (latents->c != vae->config.latent_channels || tensor_rows(latents) == 0)
                return -EINVAL;

        Tensor out = compute_tensor(compute, latents->n, latents->h * factor, latents->w * factor,
                                    vae->config.out_channels);
        ArenaMark mark = arena_mark(compute->arena);
        if (vae->config.kind == VAE_TINY)
                tiny_decode(compute, &vae->config, &vae->tiny_decoder, latents, &out);
        else
                decode(vae, compute, latents, &out);
        arena_release(compute->arena, mark);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

static void clamp_log_variance(const Tensor *moments)
{
        for (size_t row = 0; row < tensor_rows(moments); row++)
                for (size_t i = moments->c / 2; i < moments->c; i++) {
                        float *x = &moments->data[row * moments->c + i];
                        *x = MIN(MAX(*x, LOG_VARIANCE_MIN), LOG_VARIANCE_MAX);
                }
}

/* From a picture to what the last norm sees. */
static void stream_encode(Stream *s, const Vae *vae, const Tensor *picture)
{
        const VaeHalf *half = &vae->encoder;

        stream_begin(s, picture);
        stream_convolution(s, &half->conv_in, CONVOLUTION_SAME);
        for (uint32_t i = 0; i < vae->config.n_levels; i++) {
                const VaeLevel *level = &half->levels[i];

                for (uint32_t j = 0; j < level->n_resnets; j++)
                        stream_resnet(s, &level->resnets[j]);
                if (level->resamples)
                        stream_convolution(s, &level->resample, CONVOLUTION_DOWN_AFTER);
        }
        stream_mid(s, &vae->config, half);
}

static void encode(const Vae *vae, Compute *c, const Tensor *picture, const Tensor *ret)
{
        const VaeHalf *half = &vae->encoder;
        Tensor moments = compute_tensor(c, ret->n, ret->h, ret->w, ret->c);
        Stream s = { .c = c };

        stream_encode(&s, vae, picture);
        stream_encode(&s, vae, picture);
        group_norm(c, &half->norm_out, &s.x, true, &s.x);
        if (vae->config.use_quant_conv) {
                convolution(c, &half->conv_out, CONVOLUTION_SAME, &s.x, NULL, NULL, &moments);
                linear(c, &half->quant, &moments, FINISH_PLAIN, NULL, ret);
        } else
                convolution(c, &half->conv_out, CONVOLUTION_SAME, &s.x, NULL, NULL, ret);
}

/* The tiny encoder makes latents, not their distribution: they are the means of a very narrow one. */
static void encode_tiny(const Vae *vae, Compute *c, const Tensor *picture, const Tensor *ret)
{
        const uint32_t factor = vae_factor(&vae->config), channels = vae->config.latent_channels;
        Tensor whole = compute_tensor(c, picture->n, ret->h * factor, ret->w * factor, picture->c);
        Tensor mean = compute_tensor(c, ret->n, ret->h, ret->w, channels);
        const size_t row_size = (size_t)whole.w * whole.c;

        for (size_t row = 0; c->error == 0 && row < (size_t)whole.n * whole.h; row++)
                memcpy(whole.data + row * row_size,
                       picture->data + (row / whole.h * picture->h + row % whole.h) * picture->w * picture->c,
                       row_size * sizeof(float));
        tiny_encode(c, &vae->config, &vae->tiny_encoder, &whole, &mean);
        for (size_t row = 0; c->error == 0 && row < tensor_rows(&mean); row++)
                for (uint32_t i = 0; i < channels; i++) {
                        ret->data[row * ret->c + i] = mean.data[row * channels + i];
                        ret->data[row * ret->c + channels + i] = LOG_VARIANCE_MIN;
                }
}

int vae_encode(const Vae *vae, Compute *compute, const Tensor *picture, Tensor *ret)
{
        const uint32_t factor = vae_factor(&vae->config);

        if (!vae->encoder_arena)
                return -ENODATA;
        if (picture->n == 0 || picture->c != vae->config.in_channels || picture->h < factor ||
            picture->w < factor)
                return -EINVAL;

        Tensor out = compute_tensor(compute, picture->n, picture->h / factor, picture->w / factor,
                                    2 * vae->config.latent_channels);
        ArenaMark mark = arena_mark(compute->arena);
        if (vae->config.kind == VAE_TINY)
                encode_tiny(vae, compute, picture, &out);
        else
                encode(vae, compute, picture, &out);
        if (compute->error == 0 && !compute_cancelled(compute))
                clamp_log_variance(&out);
        arena_release(compute->arena, mark);
        int r = compute_finish(compute);
        if (r < 0)
                return r;

        *ret = out;
        return 0;
}

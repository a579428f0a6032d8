/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdio.h>

#include "engine/image/vae_tiny.h"
#include "engine/tensor/convolution.h"
#include "engine/tensor/pointwise.h"

#define LATENT_LIMIT 3.0f /* what the decoder sees stays within, softly */

/* Layers are numbered through, activations and enlargements (which have no weights) included. */
static void load_blocks(Loader *loader, TinyLevel *level, uint32_t n, uint32_t channels, const char *half, uint32_t first)
{
        level->n_blocks = n;
        level->blocks = load_array(loader, n, sizeof *level->blocks);
        for (uint32_t j = 0; j < n && loader->r == 0; j++)
                for (uint32_t k = 0; k < 3; k++)
                        load_matrix(loader, &level->blocks[j].convs[k], LAYER_CONV3, channels, channels,
                                    "%s.layers.%u.conv.%u", half, first + j, 2 * k);
}

void load_tiny_decoder(Loader *loader, const VaeConfig *config, TinyHalf *ret)
{
        const uint32_t channels = config->block_out_channels[0];
        uint32_t at = 2; /* after conv_in and its activation */

        load_matrix(loader, &ret->conv_in, LAYER_CONV3, config->latent_channels, channels, "decoder.layers.0");
        for (uint32_t i = 0; i < config->n_levels; i++) {
                const bool last = i + 1 == config->n_levels;
                const uint32_t blocks = config->tiny_blocks[1][i];

                load_blocks(loader, &ret->levels[i], blocks, channels, "decoder", at);
                at += blocks;
                if (last)
                        load_matrix(loader, &ret->conv_out, LAYER_CONV3, channels, config->out_channels,
                                    "decoder.layers.%u", at);
                else
                        load_matrix(loader, &ret->levels[i].resample, LAYER_CONV3 | LAYER_NO_BIAS, channels,
                                    channels, "decoder.layers.%u", at + 1);
                at += 2;
        }
}

void load_tiny_encoder(Loader *loader, const VaeConfig *config, TinyHalf *ret)
{
        const uint32_t channels = config->block_out_channels[0];
        uint32_t at = 0;

        for (uint32_t i = 0; i < config->n_levels; i++) {
                const uint32_t blocks = config->tiny_blocks[0][i];

                if (i == 0)
                        load_matrix(loader, &ret->conv_in, LAYER_CONV3, config->in_channels, channels,
                                    "encoder.layers.%u", at);
                else
                        load_matrix(loader, &ret->levels[i].resample, LAYER_CONV3 | LAYER_NO_BIAS, channels,
                                    channels, "encoder.layers.%u", at);
                load_blocks(loader, &ret->levels[i], blocks, channels, "encoder", at + 1);
                at += 1 + blocks;
        }
        load_matrix(loader, &ret->conv_out, LAYER_CONV3, channels, config->latent_channels, "encoder.layers.%u",
                    at);
}

static void convolve(Compute *c, const Matrix *matrix, const Tensor *x, const Tensor *residual, const Tensor *out)
{
        convolution(c, matrix, CONVOLUTION_SAME, x, NULL, residual, out);
}

/* Three convolutions beside a shortcut, in place. */
static void tiny_block(Compute *c, const TinyBlock *block, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        Tensor a = compute_tensor(c, x->n, x->h, x->w, x->c), b = compute_tensor(c, x->n, x->h, x->w, x->c);

        convolve(c, &block->convs[0], x, NULL, &a);
        tensor_relu(c, &a, &a);
        convolve(c, &block->convs[1], &a, NULL, &b);
        tensor_relu(c, &b, &b);
        convolve(c, &block->convs[2], &b, x, x);
        tensor_relu(c, x, x);
        arena_release(c->arena, mark);
}

static void run_blocks(Compute *c, const TinyLevel *level, const Tensor *x)
{
        for (uint32_t j = 0; j < level->n_blocks; j++)
                tiny_block(c, &level->blocks[j], x);
}

void tiny_decode(
                Compute *c, const VaeConfig *config, const TinyHalf *half, const Tensor *latents,
                const Tensor *ret)
{
        const uint32_t channels = config->block_out_channels[0];
        Tensor limited = compute_tensor(c, latents->n, latents->h, latents->w, latents->c);
        Tensor x = compute_tensor(c, latents->n, latents->h, latents->w, channels);

        for (size_t i = 0; c->error == 0 && i < tensor_elements(&limited); i++)
                limited.data[i] = tanhf(latents->data[i] / LATENT_LIMIT) * LATENT_LIMIT;
        convolve(c, &half->conv_in, &limited, NULL, &x);
        tensor_relu(c, &x, &x);
        for (uint32_t i = 0; i < config->n_levels; i++) {
                run_blocks(c, &half->levels[i], &x);
                if (i + 1 == config->n_levels)
                        break;
                Tensor larger = compute_tensor(c, x.n, 2 * x.h, 2 * x.w, channels);
                convolution(c, &half->levels[i].resample, CONVOLUTION_UP, &x, NULL, NULL, &larger);
                x = larger;
        }
        convolve(c, &half->conv_out, &x, NULL, ret);
        for (size_t i = 0; c->error == 0 && i < tensor_elements(ret); i++)
                ret->data[i] = ret->data[i] * 2 - 1;
}

void tiny_encode(
                Compute *c, const VaeConfig *config, const TinyHalf *half, const Tensor *picture,
                const Tensor *ret)
{
        const uint32_t channels = config->block_out_channels[0];
        Tensor positive = compute_tensor(c, picture->n, picture->h, picture->w, picture->c);
        Tensor x = compute_tensor(c, picture->n, picture->h, picture->w, channels);

        for (size_t i = 0; c->error == 0 && i < tensor_elements(picture); i++)
                positive.data[i] = (picture->data[i] + 1) / 2;
        convolve(c, &half->conv_in, &positive, NULL, &x);
        for (uint32_t i = 0; i < config->n_levels; i++) {
                if (i > 0) {
                        Tensor smaller = compute_tensor(c, x.n, convolution_size(CONVOLUTION_DOWN, x.h),
                                                        convolution_size(CONVOLUTION_DOWN, x.w), channels);
                        convolution(c, &half->levels[i].resample, CONVOLUTION_DOWN, &x, NULL, NULL, &smaller);
                        x = smaller;
                }
                run_blocks(c, &half->levels[i], &x);
        }
        convolve(c, &half->conv_out, &x, NULL, ret);
}

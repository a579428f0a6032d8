/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine/denoise/time_embedding.h"
#include "engine/kernels/kernels.h"

void load_time_embedding(Loader *loader, const UNetConfig *config, TimeEmbedding *ret)
{
        const uint32_t first = config->block_out_channels[0], width = time_width(config);

        load_matrix(loader, &ret->time1, LAYER_LINEAR | LAYER_FLOATS, first, width, "time_embedding.linear_1");
        load_matrix(loader, &ret->time2, LAYER_LINEAR | LAYER_FLOATS, width, width, "time_embedding.linear_2");
        if (config->guidance_width > 0)
                load_matrix(loader, &ret->guidance, LAYER_LINEAR | LAYER_FLOATS | LAYER_NO_BIAS, config->guidance_width,
                            first, "time_embedding.cond_proj");
        if (config->sizes_width > 0) {
                load_matrix(loader, &ret->added1, LAYER_LINEAR | LAYER_FLOATS, config->added_width, width,
                            "add_embedding.linear_1");
                load_matrix(loader, &ret->added2, LAYER_LINEAR | LAYER_FLOATS, width, width, "add_embedding.linear_2");
        }
}

#define LN_10000 9.2103403719761836f

/* Sines and cosines of a number at falling frequencies (Vaswani et al. 2017, as Ho et al. 2020 use them), in
 * float32 as the networks were trained with it. */
static void sinusoids(float x, uint32_t half, float freq_shift, float *sines, float *cosines)
{
        for (uint32_t i = 0; i < half; i++) {
                float exponent = -LN_10000 * (float)i / ((float)half - freq_shift);
                float angle = x * (float)exp((double)exponent);

                sines[i] = (float)sin((double)angle);
                cosines[i] = (float)cos((double)angle);
        }
}

static void timestep_sinusoids(const UNetConfig *config, float x, uint32_t width, float *ret)
{
        const uint32_t half = width / 2;

        sinusoids(x, half, config->freq_shift, ret + (config->flip_sin_to_cos ? half : 0),
                  ret + (config->flip_sin_to_cos ? 0 : half));
}

/* As latent consistency models were distilled: a thousand times the guidance scale above 1. */
static void guidance_condition(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, float guidance, const Tensor *ret)
{
        const uint32_t half = config->guidance_width / 2;
        Tensor waves = compute_tensor(c, 1, 1, 1, config->guidance_width);

        if (c->error == 0)
                sinusoids((guidance - 1) * 1000, half, 1, waves.data, waves.data + half);
        linear(c, &e->guidance, &waves, FINISH_PLAIN, NULL, ret);
}

static void added_condition(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, const Tensor *pooled,
                const float *sizes, const Tensor *ret)
{
        Tensor both = compute_tensor(c, pooled->n, 1, 1, config->added_width);
        Tensor hidden = compute_tensor(c, pooled->n, 1, 1, time_width(config));

        for (uint32_t i = 0; c->error == 0 && i < pooled->n; i++) {
                float *row = both.data + (size_t)i * both.c;

                memcpy(row, pooled->data + (size_t)i * pooled->c, pooled->c * sizeof *row);
                for (uint32_t j = 0; j < CONFIG_SIZES; j++)
                        timestep_sinusoids(config, sizes[j], config->sizes_width,
                                           row + pooled->c + (size_t)j * config->sizes_width);
        }
        linear(c, &e->added1, &both, FINISH_SILU, NULL, &hidden);
        linear(c, &e->added2, &hidden, FINISH_PLAIN, NULL, ret);
}

static Tensor tensor_in(Compute *c, Arena *arena, uint32_t n, uint32_t channels)
{
        Tensor t = { .n = n, .h = 1, .w = 1, .c = channels };

        t.data = c->error == 0 ? arena_alloc(arena, tensor_elements(&t)) : NULL;
        if (!t.data && c->error == 0)
                c->error = -ENOMEM;
        return t;
}

void time_conditions(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, Arena *arena, float guidance,
                const Tensor *pooled, const float sizes[static CONFIG_SIZES], TimeConditions *ret)
{
        ArenaMark mark = arena_mark(c->arena);

        if (config->guidance_width > 0) {
                ret->guidance = tensor_in(c, arena, 1, config->block_out_channels[0]);
                guidance_condition(c, config, e, guidance, &ret->guidance);
        }
        if (config->sizes_width > 0) {
                ret->added = tensor_in(c, arena, pooled->n, time_width(config));
                added_condition(c, config, e, pooled, sizes, &ret->added);
        }
        arena_release(c->arena, mark);
}

/* SiLU of the sum of each time's embedding and each picture's own. */
static Tensor add_conditions(Compute *c, const Tensor *times, const Tensor *added)
{
        const Kernels *kernels = kernels_get();
        Tensor ret = compute_tensor(c, 1, 1, times->w * added->n, times->c);

        for (uint32_t i = 0; c->error == 0 && i < ret.w; i++) {
                float *row = ret.data + (size_t)i * ret.c;

                kernels->add(row, times->data + (size_t)(i / added->n) * ret.c,
                             added->data + (size_t)(i % added->n) * ret.c, ret.c);
                kernels->activate(row, row, ret.c, FINISH_SILU);
        }
        return ret;
}

Tensor embed_times(
                Compute *c, const UNetConfig *config, const TimeEmbedding *e, const TimeConditions *conditions,
                const float *timesteps, uint32_t n)
{
        const bool more = conditions->added.data;
        Tensor waves = compute_tensor(c, 1, 1, n, config->block_out_channels[0]);
        Tensor hidden = compute_tensor(c, 1, 1, n, time_width(config));
        Tensor times = compute_tensor(c, 1, 1, n, time_width(config));

        for (uint32_t i = 0; c->error == 0 && i < n; i++) {
                float *row = waves.data + (size_t)i * waves.c;

                timestep_sinusoids(config, timesteps[i], waves.c, row);
                if (conditions->guidance.data)
                        kernels_get()->add(row, row, conditions->guidance.data, waves.c);
        }
        linear_rows(c, &e->time1, &waves, FINISH_SILU, NULL, &hidden);
        linear_rows(c, &e->time2, &hidden, more ? FINISH_PLAIN : FINISH_SILU, NULL, &times);
        return more ? add_conditions(c, &times, &conditions->added) : times;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/unet-private.h"

#define TIME_ROWS_MAX 128 /* that are kept: 10 MB of Stable Diffusion's shapes; what is beyond is computed when it is needed */

/* Room in an arena that need not be the one of c. */
static void *room(Compute *c, Arena *arena, size_t bytes)
{
        void *ret = c->error == 0 ? arena_alloc(arena, (bytes + sizeof(float) - 1) / sizeof(float)) : NULL;

        if (!ret && c->error == 0)
                c->error = -ENOMEM;
        return ret;
}

/* Their sum with the bias of the first convolution, which is there anyway; with room for whole vectors behind it. */
static void resnet_times(Compute *c, const ResnetBlock *block, Arena *arena, const Tensor *time, float **biases)
{
        Tensor sum = { .n = 1, .h = 1, .w = time->w, .c = block->out };

        sum.data = room(c, arena, (tensor_elements(&sum) + KERNELS_LANES_MAX) * sizeof(float));
        if (c->error < 0)
                return;
        for (uint32_t row = 0; row < sum.w; row++)
                memcpy(sum.data + (size_t)row * sum.c, block->conv1.bias, sum.c * sizeof(float));
        linear_rows(c, &block->time, time, FINISH_PLAIN, &sum, &sum);
        biases[block->number] = sum.data;
}

static void level_times(Compute *c, const Level *level, Arena *arena, const Tensor *time, float **biases)
{
        for (uint32_t i = 0; i < level->n_resnets; i++)
                resnet_times(c, &level->resnets[i], arena, time, biases);
}

void time_schedule(
                Compute *c, const UNet *unet, const TimeConditions *conditions, Arena *arena, const float *timesteps,
                uint32_t n, TimeSchedule *ret)
{
        const uint32_t texts = conditions->added.data ? conditions->added.n : 1;
        float *kept = room(c, arena, n * sizeof *kept);
        float **biases = room(c, arena, unet->n_resnets * sizeof *biases);

        *ret = (TimeSchedule) { .n = n, .timesteps = kept, .texts = texts, .biases = biases };
        if (c->error < 0)
                return;
        memcpy(kept, timesteps, n * sizeof *kept);
        /* Where it is the arena of c, what is in it must stay: nothing is released. */
        Tensor time = embed_times(c, &unet->config, &unet->time, conditions, timesteps, n);
        for (uint32_t i = 0; i < unet->config.n_levels; i++) {
                level_times(c, &unet->down[i], arena, &time, biases);
                level_times(c, &unet->up[i], arena, &time, biases);
        }
        resnet_times(c, &unet->mid_resnet1, arena, &time, biases);
        resnet_times(c, &unet->mid_resnet2, arena, &time, biases);
}

bool time_schedule_find(const TimeSchedule *times, float timestep, uint32_t *ret)
{
        for (uint32_t i = 0; i < times->n; i++)
                if (times->timesteps[i] == timestep) {
                        *ret = i;
                        return true;
                }
        return false;
}

TimeBias time_bias(const TimeSchedule *times, uint32_t evaluation, const ResnetBlock *block)
{
        const size_t row = (size_t)evaluation * times->texts + times->first;

        return (TimeBias) { .data = times->biases[block->number] + row * block->out, .each = times->texts > 1 };
}

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

int unet_context_schedule(
                UNetContext *context, const UNet *unet, Compute *compute, const float *timesteps, uint32_t n)
{
        const uint32_t texts = context->time.added.data ? context->n : 1;
        ArenaMark mark = arena_mark(compute->arena);
        TimeSchedule times;

        time_schedule(compute, unet, &context->time, context->arena, timesteps, MIN(n, TIME_ROWS_MAX / texts), &times);
        arena_release(compute->arena, mark);
        int r = compute_finish(compute);
        if (r >= 0)
                context->times = times;
        return r;
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
        last->times = context->times;
        last->times.first = context->times.texts > 1 ? context->n - 1 : 0;
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

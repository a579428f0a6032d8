/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/pipeline.h"
#include "engine/tensor/plan.h"

typedef struct PlannedPass {
        const UNet *unet;
        const UNetContext *context;
        uint32_t h, w, channels;
        UNetShortcuts shortcuts;
} PlannedPass;

/* What an evaluation of the denoiser takes of the arena. */
static int plan_evaluation(Compute *c, const void *job)
{
        const PlannedPass *e = job;
        Tensor batch = compute_tensor(c, unet_context_texts(e->context), e->h, e->w, e->channels), prediction = {};

        return batch.data ? unet_forward_short(e->unet, c, e->context, &e->shortcuts, &batch, 0, &prediction) : compute_finish(c);
}

void pipeline_reserve(Pipeline *p, const PictureJob *job, const UNetContext *context, uint32_t h, uint32_t w)
{
        const PlannedPass evaluation = { pipeline_unet(p, job), context, h, w, p->model->unet.in_channels,
                                         { .merge_tokens = job->request->merge_tokens } };

        arena_reserve(p->compute.arena, plan_stage(&p->compute, plan_evaluation, &evaluation));
}

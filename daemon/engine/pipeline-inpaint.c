/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/pipeline.h"

bool pipeline_inpaints(const Pipeline *p)
{
        return p->model->unet.in_channels > p->model->vae.latent_channels;
}

/* The scaled means of an encoded picture, [c, h, w]. */
static void take_means(const VaeConfig *vae, const Tensor *moments, float *ret)
{
        const size_t pixels = (size_t)moments->h * moments->w;

        for (uint32_t c = 0; c < vae->latent_channels; c++)
                for (size_t i = 0; i < pixels; i++)
                        ret[c * pixels + i] =
                                        (moments->data[i * moments->c + c] - vae->shift_factor) * vae->scaling_factor;
}

int pipeline_beside_blank(Pipeline *p, uint32_t h, uint32_t w, float **ret, Error *error)
{
        const VaeConfig *vae = &p->model->vae;
        const size_t pixels = (size_t)h * w;
        const uint32_t factor = vae_factor(vae);
        _cleanup_(freep) float *beside = calloc((1 + vae->latent_channels) * pixels, sizeof(*beside));
        if (!beside)
                return error_set(error, -ENOMEM, "mask: out of memory");

        ArenaMark mark = arena_mark(p->compute.arena);
        Tensor grey = compute_tensor(&p->compute, 1, h * factor, w * factor, vae->in_channels), moments = {};
        int r = compute_finish(&p->compute);
        if (r >= 0) {
                memset(grey.data, 0, tensor_elements(&grey) * sizeof(float));
                r = vae_encode(p->vae, &p->compute, &grey, &moments);
        }
        for (size_t i = 0; r >= 0 && i < pixels; i++)
                beside[i] = 1;
        if (r >= 0)
                take_means(vae, &moments, beside + pixels);
        arena_release(p->compute.arena, mark);
        r = pipeline_check(p, r, "mask", error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(beside);
        return 0;
}

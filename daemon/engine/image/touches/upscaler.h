/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A compact super-resolution network of the SRVGGNetCompact kind (Wang et al. 2021, "Real-ESRGAN", its small
 * models): 3x3 convolutions of one width with a PReLU after each but the last, whose channels are shuffled to
 * pixels (Shi et al. 2016) and added to the picture enlarged by its nearest pixels. Key names as there:
 * body.N.weight and body.N.bias of the convolutions, body.N.weight of the slopes between them. Width, depth
 * and scale are what the file's shapes say. */

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/compute.h"

typedef struct Upscaler Upscaler;

/* -EBADMSG shapes that do not fit together or to the config, -EOPNOTSUPP a network of another kind, -ENOMEM. */
int upscaler_new(Upscaler **ret, const UpscalerConfig *config, const Weights *weights, Error *error);
Upscaler *upscaler_free(Upscaler *upscaler);
DEFINE_CLEANUP(Upscaler *, upscaler_free)

/* By how much it enlarges: 2, 3 or 4. */
uint32_t upscaler_scale(const Upscaler *upscaler);

/* picture: [1, h, w, 3], nominally 0 to 1. *ret, in the arena: [1, h * scale, w * scale, 3], not clamped. A large
 * picture is computed in tiles, with as much around each as the network sees, so that memory stays bounded
 * and the seams are where they would be without. 0, or what compute_finish() says. */
int upscaler_forward(const Upscaler *upscaler, Compute *compute, const Tensor *picture, Tensor *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a picture starts from, if not from noise alone: another picture, and perhaps a mask of what is to be painted anew
 * (image to image, inpainting). */

#include "engine/pipeline.h"

struct Source { /* source_done() */
        float *pixels; /* [height][width][3] in 0 … 1, of the size that is decoded */
        float *pixel_mask; /* [height][width], 1: to be painted; NULL: all of it */
        float *latents; /* [channels, h, w], scaled: the mean of what the encoder makes of the pixels */
        float *mask; /* [h, w], 0 or 1; NULL: all of it */
        float *beside; /* for inpainting models (PictureJob); NULL for others, and without a mask */
        size_t n_pixels; /* of the latents */
        float *normals; /* the first noise, for what lies around the mask */
};

/* From job->picture and job->mask, which are resized. */
int source_new(Source *ret, Pipeline *p, const PictureJob *job, Error *error);
void source_done(Source *source);

/* After evaluation i: around the mask, the picture under what noise is left. */
void source_keep(const Source *source, const Sampling *s, uint32_t i, float *latents, float *scratch);

/* The picture itself, on white, of the size that would be drawn: [1, height, width, 3], in the arena. */
int source_take(Pipeline *p, const PictureJob *job, Tensor *ret, Error *error);

/* Around the mask, the picture itself. decoded: [1, height, width, 3]. */
void source_restore(const Source *source, const Tensor *decoded);

/* The same for what comes out in the end, [1, height, width, 3], whatever the final touches did there. A negative
 * errno. */
int source_restore_finished(Pipeline *p, const PictureJob *job, const Tensor *finished);

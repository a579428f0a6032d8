/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture on a larger canvas: what is new is filled, for the encoder to see something that goes on smoothly, and masked,
 * for it to be painted. From then on it is inpainting (source.h). */

#include "base/request.h"
#include "engine/image/read.h"

/* Of the picture with its new sides. -EINVAL: such a picture cannot be the result as it is. */
int outpaint_size(const ReadPicture *from, const Request *request, uint32_t *ret_width, uint32_t *ret_height, Error *error);

/* The picture with its new sides, its own bytes unchanged, and a mask of the same size: black where the picture is, white
 * where it is not, and rising between them on the new side. -EFBIG: too many pixels; -ENOMEM. */
int outpaint_grow(const ReadPicture *from, const Request *request, ReadPicture *ret_picture, ReadPicture *ret_mask,
                  Error *error);

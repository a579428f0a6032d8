/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that say what is to be drawn anew. */

#include "base/request.h"
#include "engine/image/picture.h"
#include "engine/image/read.h"

/* How much is wanted of each pixel, 0 to 255. */
void mask_values(const ReadPicture *mask, MaskPaints paints, uint8_t *values);

/* As a PNG that is clear (alpha 0) where the picture is bright, and opaque elsewhere. *ret_data is malloc'ed. -ENOMEM. */
int mask_to_clear_png(const Picture *mask, void **ret_data, size_t *ret_size, Error *error);

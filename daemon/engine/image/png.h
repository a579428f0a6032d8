/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures as PNG files in memory: RGB, 8 bits, sRGB. */

#include "base/error.h"
#include "engine/image/picture.h"
#include "engine/image/texts.h"

/* The settings become the text of the chunk `parameters`, in Latin-1 where that can hold them. *ret_data is malloc'ed. -ENOMEM,
 * or -EINVAL for a picture that PNG cannot hold. */
int picture_to_png(const Picture *picture, const PictureTexts *texts, void **ret_data, size_t *ret_size, Error *error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures as PNG files in memory: RGB, 8 bits, sRGB. */

#include "base/error.h"
#include "engine/image/picture.h"

/* parameters: the text of a chunk of that name, in UTF-8 (written as Latin-1 where that can hold it); NULL:
 * none. *ret_data is malloc'ed. -ENOMEM, or -EINVAL for a picture that PNG cannot hold. */
int picture_to_png(const Picture *picture, const char *parameters, void **ret_data, size_t *ret_size,
                   Error *error);

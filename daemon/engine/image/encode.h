/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture as a file with its marks, whoever drew it. */

#include "base/request.h"
#include "engine/image/picture.h"
#include "marks/marks.h"

/* quality: of JPEG and WebP, 1 to 100; 0: 90. The settings (marks->parameters) go where AUTOMATIC1111 looks for them, a PNG's
 * text chunk or the Exif comment, and the other marks into a packet of XMP. *ret_data is malloc'ed. -ENOMEM, or -EINVAL for
 * what the format cannot hold. */
int picture_encode(const Picture *picture, PictureFormat format, unsigned quality, const Marks *marks, void **ret_data,
                   size_t *ret_size, Error *error);

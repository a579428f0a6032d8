/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures as JPEG files in memory. */

#include "base/error.h"
#include "engine/image/picture.h"
#include "engine/image/texts.h"

/* quality: 1 to 100; from 90 on with colours at full resolution. The settings become Exif's UserComment.
 * *ret_data is malloc'ed. -ENOMEM, or -EINVAL for what JPEG cannot hold. */
int picture_to_jpeg(const Picture *picture, const PictureTexts *texts, unsigned quality, void **ret_data, size_t *ret_size,
                    Error *error);

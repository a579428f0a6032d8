/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures as WebP files in memory. */

#include "base/error.h"
#include "engine/image/picture.h"
#include "engine/image/texts.h"

/* quality: 1 to 100, which is without loss. texts and errors as picture_to_jpeg's. */
int picture_to_webp(const Picture *picture, const PictureTexts *texts, unsigned quality, void **ret_data, size_t *ret_size,
                    Error *error);

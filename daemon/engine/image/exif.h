/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A text as the UserComment of an EXIF block, where web UIs look for the settings of JPEG and WebP pictures. */

#include <stddef.h>
#include <stdint.h>

/* text: UTF-8. *ret is malloc'ed: a TIFF header and what belongs to it, without "Exif". -ENOMEM, -EINVAL. */
int exif_new(const char *text, uint8_t **ret, size_t *ret_size);

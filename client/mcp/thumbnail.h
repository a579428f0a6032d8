/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small PNG of a PNG, in base64, for assistants that look at what was made. */

#include "client/picture.h"

#define THUMBNAIL_SIDE 256 /* pixels, by default */

/* The longer side becomes that long, if it is longer; a string to be freed. 0 or a negative errno. */
int thumbnail_encode(const Picture *png, uint32_t side, char **ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* The size with sides that are multiples of multiple, within the limits of a request, that comes nearest to
 * the aspect (width divided by height) and to the area (in pixels) together. 0; -ERANGE if there is none. */
int aspect_find_size(double aspect, uint64_t area, uint32_t multiple, uint32_t *ret_width,
                     uint32_t *ret_height, Error *error);

/* The multiple to take for a model that does not say which it needs: sides of a model's own size are
 * multiples of it, and 64 suits every layout. */
#define ASPECT_MULTIPLE_UNKNOWN 64

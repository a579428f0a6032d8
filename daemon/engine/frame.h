/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the size that somebody asks for to the one that is drawn, and back: the networks draw multiples of what
 * a latent covers, and good ones only near the size that they were trained for. */

#include "base/request.h"
#include "engine/image/touches/resample.h"

/* The drawn size for a picture of width x height:
 * native 0: as large, rounded up to multiples;
 * else of about native x native pixels in about the asked shape, for the picture is enlarged or reduced
 * afterwards: so that a wide picture, too, shows whole things. */
void frame_choose(uint32_t width, uint32_t height, uint32_t multiple, uint32_t native, uint32_t *ret_width,
                  uint32_t *ret_height);

/* The middle of what is drawn, of the asked shape, for resolved->width x height. */
Area frame_area(const Resolved *resolved);

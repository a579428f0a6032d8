/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The final touches: what is done to a decoded picture, one after another. */

#include "base/request.h"
#include "engine/image/touches/enlarge.h"
#include "engine/model/config.h"

typedef struct Touches {
        Touch order[TOUCH_MAX];
        Enlargement enlargement;
        double remove_artefacts, smooth_edges, sharpen; /* 0: off */
} Touches;

/* picture: [1, h, w, 3] in 0 to 1, and so is what it becomes, of the enlargement's size; it may be overwritten,
 * and may point elsewhere in the arena afterwards. 0, or what compute_finish() says. */
int touches_apply(Compute *compute, const Touches *touches, Tensor *picture);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/touches/touches.h"
#include "engine/image/picture.h"
#include "engine/image/touches/remove_artefacts.h"
#include "engine/image/touches/sharpen.h"
#include "engine/image/touches/smooth_edges.h"

static int apply(Compute *compute, const Touches *touches, Touch touch, Tensor *picture)
{
        switch (touch) {
        case TOUCH_REMOVE_ARTEFACTS:
                return remove_artefacts(compute, picture, touches->remove_artefacts);
        case TOUCH_ENLARGE:
                return enlarge(compute, &touches->enlargement, picture, picture);
        case TOUCH_SMOOTH_EDGES:
                return smooth_edges(compute, picture, touches->smooth_edges);
        case TOUCH_SHARPEN:
                return sharpen(compute, picture, touches->sharpen);
        case TOUCH_MAX:
                break;
        }
        return 0;
}

int touches_apply(Compute *compute, const Touches *touches, Tensor *picture)
{
        for (int i = 0; i < TOUCH_MAX; i++) {
                int r = apply(compute, touches, touches->order[i], picture);
                if (r < 0)
                        return r;
                if (compute_cancelled(compute))
                        return 0;
                picture_clamp(picture);
        }
        return 0;
}

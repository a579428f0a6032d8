/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The touch that makes a picture larger: Lanczos interpolation with three lobes (Duchon 1979), edges
 * repeated. */

#include "engine/tensor/compute.h"

#define ENLARGE_MAX 8

/* picture: [1, h, w, c]. *ret, in the arena: [1, h * factor, w * factor, c]; factor 1 … ENLARGE_MAX. It may
 * overshoot where the picture has sharp edges. 0, or what compute_finish() says. */
int enlarge(Compute *compute, const Tensor *picture, uint32_t factor, Tensor *ret);

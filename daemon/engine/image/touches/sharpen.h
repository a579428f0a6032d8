/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The touch that makes edges steeper: an unsharp mask on brightness alone. What is added is limited to a little
 * beyond the darkest and the brightest of the neighbours, so that edges get no halos, and leaves out what is as
 * weak as noise. */

#include "engine/tensor/compute.h"

/* picture: [1, h, w, 3] in 0 to 1, changed in place; it may overshoot. strength: 0 (nothing is done) to 1. 0, or
 * what compute_finish() says. */
int sharpen(Compute *compute, const Tensor *picture, double strength);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The touch that removes a decoder's ringing, blotches and noise: a bilateral filter (Tomasi and Manduchi 1998)
 * on all colours at once. Each pixel becomes a mean of its surroundings, in which the more another pixel differs,
 * the less it counts (Tukey's biweight), and from some difference on it does not count at all: so what differs
 * clearly stays apart, and edges stay. */

#include "engine/tensor/compute.h"

/* picture: [1, h, w, 3] in 0 to 1, changed in place. strength: 0 (nothing is done) to 1. 0, or what
 * compute_finish() says. */
int remove_artefacts(Compute *compute, const Tensor *picture, double strength);

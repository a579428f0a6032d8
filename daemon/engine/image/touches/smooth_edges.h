/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The touch that takes the stairs out of slanted edges: where the surroundings have one clear direction (the
 * structure tensor of Förstner and Gülch 1987 says which), a pixel becomes a mean along it (the line integrals of
 * Cabral and Leedom 1993): along an edge, never across. Flat areas, upright and level edges stay as they are, and
 * corners nearly. */

#include "engine/tensor/compute.h"

/* picture: [1, h, w, 3] in 0 to 1, changed in place. strength: 0 (nothing is done) to 1. 0, or what
 * compute_finish() says. */
int smooth_edges(Compute *compute, const Tensor *picture, double strength);

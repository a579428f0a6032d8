/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much memory a stage will take, so that it can be had in one piece before a loop begins. The stage is gone through as if
 * it were cancelled: memory is taken and released in its order, and nothing is computed. */

#include "engine/tensor/compute.h"

/* The most bytes of the arena that the stage has in use at once, with as many threads as `compute` has. 0: unknown. */
size_t plan_stage(const Compute *compute, int (*stage)(Compute *c, const void *job), const void *job);

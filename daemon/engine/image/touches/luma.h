/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The brightness of a picture, as JPEG takes it (ITU-R BT.601). */

#include "engine/tensor/compute.h"

/* rgb: [1, h, w, 3]; the result, in the arena: [1, h, w, 1]. */
Tensor luma_plane(Compute *compute, const Tensor *rgb);

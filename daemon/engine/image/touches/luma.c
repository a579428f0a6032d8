/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/touches/luma.h"

Tensor luma_plane(Compute *compute, const Tensor *rgb)
{
        Tensor plane = compute_tensor(compute, 1, rgb->h, rgb->w, 1);

        for (size_t i = 0; plane.data && i < tensor_rows(rgb); i++)
                plane.data[i] = 0.299F * rgb->data[3 * i] + 0.587F * rgb->data[3 * i + 1] +
                                0.114F * rgb->data[3 * i + 2];
        return plane;
}

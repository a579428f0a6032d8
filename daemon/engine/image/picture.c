/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "engine/image/picture.h"

void picture_done(Picture *picture)
{
        free(picture->rgb);
        *picture = (Picture) {};
}

static float clamp(float x)
{
        return fminf(fmaxf(x, 0), 1); /* either takes the number where the other is none */
}

void picture_normalize(Tensor *decoded)
{
        for (size_t i = 0; i < tensor_elements(decoded); i++)
                decoded->data[i] = clamp(decoded->data[i] / 2 + 0.5F);
}

void picture_clamp(Tensor *picture)
{
        for (size_t i = 0; i < tensor_elements(picture); i++)
                picture->data[i] = clamp(picture->data[i]);
}

int picture_from_tensor(Picture *ret, const Tensor *tensor)
{
        size_t n = tensor_elements(tensor);
        uint8_t *rgb = malloc(n);
        if (!rgb)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                rgb[i] = (uint8_t)rintf(tensor->data[i] * 255);
        *ret = (Picture) { .width = tensor->w, .height = tensor->h, .rgb = rgb };
        return 0;
}

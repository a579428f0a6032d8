/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "engine/denoise/guidance.h"

static double deviation(const float *values, size_t n)
{
        double sum = 0, squares = 0;

        for (size_t i = 0; i < n; i++)
                sum += (double)values[i];
        for (size_t i = 0; i < n; i++)
                squares += ((double)values[i] - sum / (double)n) * ((double)values[i] - sum / (double)n);
        return n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

void guide(float *prediction, const float *negative, size_t n, double scale, double rescale)
{
        double before = rescale > 0 ? deviation(prediction, n) : 0;

        for (size_t i = 0; i < n; i++)
                prediction[i] = negative[i] + (float)scale * (prediction[i] - negative[i]);

        double after = rescale > 0 ? deviation(prediction, n) : 0;
        if (after > 0) {
                float factor = (float)(rescale * (before / after) + (1 - rescale));
                for (size_t i = 0; i < n; i++)
                        prediction[i] *= factor;
        }
}

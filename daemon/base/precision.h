/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the networks multiply. Sums, norms and what runs from layer to layer are float32 in any of them. */

typedef enum Precision {
        PRECISION_AUTO, /* the fastest that the processor has and the model is good in */
        PRECISION_F32,
        PRECISION_BF16, /* the upper halves of floats */
        PRECISION_INT8, /* weights with a factor for each column, activations with one for each row or picture */
        PRECISION_MAX,
} Precision;

/* "auto", "f32", "bf16", "int8". The second returns the Precision, or -EINVAL. */
const char *precision_to_string(Precision precision);
int precision_from_string(const char *name);

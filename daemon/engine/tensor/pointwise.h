/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/tensor/compute.h"

/* out: [n, h, w, a->c + b->c], the channels of both side by side. */
void tensor_concat(Compute *c, const Tensor *a, const Tensor *b, const Tensor *out);

/* Nothing below zero. out may be x. */
void tensor_relu(Compute *c, const Tensor *x, const Tensor *out);

void tensor_copy(Compute *c, const Tensor *x, const Tensor *out);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* Classifier-free guidance (Ho, Salimans 2021): prediction = negative + scale * (prediction - negative), in
 * place. With rescale > 0 the result's spread goes back towards the unguided one's by that share (Lin et al.
 * 2023, eq. 15, 16). */
void guide(float *prediction, const float *negative, size_t n, double scale, double rescale);

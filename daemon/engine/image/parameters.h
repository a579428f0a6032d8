/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings of a picture as AUTOMATIC1111's web UI and its many copies read them from a file:
 *
 *     a red fox
 *     Negative prompt: blurry
 *     Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, Model: default, Precision: bf16, Version: imagined 0.1.0
 *
 * A value with a comma, a colon or a line's end stands in quotes, as a string of JSON.
 * After the size come the final touches, if there were any: Enlarge: network from 128x128, Remove artefacts: 0.5,
 * Smooth edges: 0.5, Sharpen: 0.5 */

#include "base/request.h"

/* *ret is malloc'ed; without the two prompts if the request says so. -ENOMEM. */
int parameters_format(char **ret, const Request *request, const Resolved *resolved, uint32_t index,
                      const char *model);

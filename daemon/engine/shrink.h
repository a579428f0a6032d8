/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A picture that comes from outside, from standard input to standard output: a JPEG, or a PNG if nothing is to be lost, whose longer
 * side is at most that many pixels, on white where it is transparent, with nothing of what else stood in the file. Reads after the
 * doors are shut (workers/sandbox.h). */
int shrink_run(uint32_t side, bool is_lossless, Error *error);

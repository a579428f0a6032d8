/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture beside itself at the sizes at which it has to be legible, as one picture. */

#include "client/pixels.h"

/* -ENOMEM; *ret is to be freed with pixels_done(). */
int sheet_make(const Pixels *pixels, Pixels *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The marks of a picture that the engine drew. */

#include "base/request.h"
#include "marks/marks.h"

typedef struct DrawnBy { /* the model; any may be "" but the name */
        const char *model, *version, *license;
} DrawnBy;

/* Picture `index` of the request; *ret is to be freed with marks_done(). Without prompts, their
 * writer, and what is made of them, if the request says so. -ENOMEM. */
int drawn_marks(Marks *ret, const Request *request, const Resolved *resolved, uint32_t index, const DrawnBy *by);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The marks of a picture that the engine drew, or another generator for it. */

#include "base/request.h"
#include "marks/marks.h"

typedef struct DrawnBy { /* the model; any may be "" but the name */
        const char *model, *version, *license;
        /* of another generator; NULL: the engine did */
        const char *provider;
        const char *usage, *terms, *credit; /* what its terms say of the picture, where they stand, what they want beside it */
} DrawnBy;

/* Picture `index` of the request; *ret is to be freed with marks_done(). Without prompts, their
 * writer, and what is made of them, if the request says so. -ENOMEM. */
int drawn_marks(Marks *ret, const Request *request, const Resolved *resolved, uint32_t index, const DrawnBy *by);

/* The same with this text of settings, which becomes the marks' own. */
int drawn_marks_with(Marks *ret, char *parameters, const Request *request, const DrawnBy *by);

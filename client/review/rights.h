/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a record, or a file, says of what its picture may be used for, and what it says nothing of. It is information and no legal advice. */

#include <jansson.h>
#include <stdbool.h>

#include "marks/marks.h"

typedef struct Rights { /* all of it points into the record or the marks, or is a constant; NULL: not known */
        const char *licence; /* of the model, or of the service */
        const char *address; /* of its text, or of the terms */
        const char *dated; /* when the terms were read */
        const char *owner; /* as the terms put it */
        bool needs_credit;
        const char *credit; /* what has to stand beside the picture, where the terms put it so; else the model's name will do */
        bool is_commercial_refused, is_commercial_permitted; /* neither: not known */
} Rights;

Rights rights_of(const json_t *record);

/* The same of what a picture's own file says. */
Rights rights_of_marks(const Marks *marks);

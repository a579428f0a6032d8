/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a record says of what its picture may be used for, and what it says nothing of. It is information and no legal advice. */

#include "client/review/subject.h"

typedef struct Rights { /* all of it points into the record, or is a constant; NULL: not known */
        const char *licence; /* of the model, or of the service */
        const char *address; /* of its text, or of the terms */
        bool needs_credit;
        const char *credit; /* what has to stand beside the picture, where the terms put it so; else the model's name will do */
        bool is_commercial_refused;
} Rights;

Rights rights_of(const Subject *subject);

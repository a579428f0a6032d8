/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a picture needs before it may be approved, and whether others may be exported: as the machine's and the user's review.conf
 * say, of which the stricter counts. */

#include <stdbool.h>

#include "base/error.h"

typedef struct ReviewPolicy {
        bool require_alt_text; /* it has an alternative text */
        bool require_licence; /* somebody has looked at what it may be used for */
        bool require_legibility; /* somebody has looked at it small */
        bool approved_only; /* nothing else is exported */
} ReviewPolicy;

/* Files that are not there say nothing. -EBADMSG with a sentence for one that is wrong, or what reading it gave. */
int review_policy_read(ReviewPolicy *ret, Error *error);

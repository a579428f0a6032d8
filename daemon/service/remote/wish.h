/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a call of Generate says of who is to draw. Plain. */

#include <stdbool.h>

#define PROVIDER_NAME_MAX 63

typedef struct RemoteWish {
        char provider[PROVIDER_NAME_MAX + 1]; /* "": by the routes of the configuration */
        char purpose[64]; /* "": none */
        bool best_effort; /* what the provider does not have is left out, and said */
        bool is_private; /* it does not leave the machine */
        bool dry_run; /* what would be sent is shown, and nothing sent */
} RemoteWish;

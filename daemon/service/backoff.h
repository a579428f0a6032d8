/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Trying again what failed: after a second, then each time after twice as long, up to about a minute.
 *
 *     Backoff backoff = { .event = event, .retry = on_retry, .userdata = userdata };
 *     backoff_later(&backoff);       on_retry() follows; does nothing while it is to come
 *     backoff_reset(&backoff);       it went well: nothing follows, and the next time begins with a second
 *
 * backoff_reset() is also its end. */

#include <systemd/sd-event.h>

typedef struct Backoff {
        sd_event *event; /* not owned */
        void (*retry)(void *userdata);
        void *userdata;
        sd_event_source *timer;
        uint64_t pause; /* before the last; 0: none yet */
} Backoff;

void backoff_later(Backoff *backoff);
void backoff_reset(Backoff *backoff);

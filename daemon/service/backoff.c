/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/util.h"
#include "service/backoff.h"

#define FIRST USEC_PER_SEC
#define LAST (64 * USEC_PER_SEC)

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        Backoff *backoff = userdata;
        (void)source, (void)usec;

        backoff->timer = sd_event_source_disable_unref(backoff->timer);
        backoff->retry(backoff->userdata);
        return 0;
}

void backoff_later(Backoff *backoff)
{
        if (backoff->timer)
                return;
        backoff->pause = backoff->pause > 0 ? MIN(2 * backoff->pause, LAST) : FIRST;
        (void)sd_event_add_time_relative(
                        backoff->event, &backoff->timer, CLOCK_MONOTONIC, backoff->pause, 0, on_time, backoff);
}

void backoff_reset(Backoff *backoff)
{
        backoff->timer = sd_event_source_disable_unref(backoff->timer);
        backoff->pause = 0;
}

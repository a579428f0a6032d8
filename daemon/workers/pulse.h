/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a busy process is alive: it answers, and its computing comes forward. A thread that listens answers for one that
 * has lost its way, so an answer tells how much has been done, too. What counts against it is processor time, which a slow or
 * crowded machine gives slowly; only who does nothing at all for very long is judged by the clock.
 *
 *     pulse_begin(&pulse, limit, now);
 *     …   if (pulse_has_stopped(&pulse, now)) …  else if (pulse_asks(&pulse, now)) send a PING with pulse.ping
 *     …   if (!pulse_hear(&pulse, &message->pong, now)) …  it is a liar */

#include <stdbool.h>
#include <stdint.h>

#include "workers/protocol.h"

typedef struct Pulse {
        uint64_t limit; /* µs */
        uint64_t ping, asked; /* number and time of the last question; time 0: it is answered */
        uint64_t done, spent; /* as the last answer said */
        uint64_t since, spent_then; /* when it had done as much, and what it had spent by then */
} Pulse;

/* Times are CLOCK_MONOTONIC, µs. */
void pulse_begin(Pulse *pulse, uint64_t limit, uint64_t now);

/* It stood still through no fault of its own: its time begins anew. */
void pulse_forgive(Pulse *pulse, uint64_t now);

bool pulse_has_stopped(const Pulse *pulse, uint64_t now);

/* True: it is to be asked now. */
bool pulse_asks(Pulse *pulse, uint64_t now);

/* False: it answers what nobody has asked. */
bool pulse_hear(Pulse *pulse, const Pong *pong, uint64_t now);

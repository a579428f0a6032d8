/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/pulse.h"

/* Reading from a bad disk, swapping, and sharing the processors with a hundred others take this many times as long. */
#define IDLE_LIMITS 10

void pulse_begin(Pulse *pulse, uint64_t limit, uint64_t now)
{
        *pulse = (Pulse) { .limit = limit, .ping = pulse->ping, .since = now };
}

void pulse_forgive(Pulse *pulse, uint64_t now)
{
        pulse->since = now;
        if (pulse->asked > 0)
                pulse->asked = now;
}

bool pulse_has_stopped(const Pulse *pulse, uint64_t now)
{
        return (pulse->asked > 0 && now - pulse->asked >= pulse->limit) ||
               pulse->spent - pulse->spent_then >= pulse->limit || now - pulse->since >= IDLE_LIMITS * pulse->limit;
}

bool pulse_asks(Pulse *pulse, uint64_t now)
{
        if (pulse->asked > 0)
                return false;
        pulse->ping++;
        pulse->asked = now;
        return true;
}

bool pulse_hear(Pulse *pulse, const Pong *pong, uint64_t now)
{
        if (pong->ping == 0 || pong->ping > pulse->ping || pong->spent < pulse->spent)
                return false;
        if (pong->ping == pulse->ping)
                pulse->asked = 0;
        if (pong->done != pulse->done || pulse->spent == 0) {
                pulse->since = now;
                pulse->spent_then = pong->spent;
        }
        pulse->done = pong->done;
        pulse->spent = pong->spent;
        return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a request that failed is sent again, and when: pure decisions, without a clock.
 *
 *     RetryHints hints = RETRY_NO_HINTS;
 *     retry_read_header(&hints, "retry-after", "2", now);      for each header of the answer
 *     int64_t wait = retry_wait(status, &hints, try, random);  ms, or RETRY_NEVER */

#include <stdint.h>

#define RETRY_NEVER (-1)
#define RETRY_WAIT_MAX (60 * 1000) /* ms; a server that wants more is left alone */

typedef struct RetryHints {
        int wanted; /* x-should-retry: 1 true, 0 false, -1 not said */
        int64_t after_ms; /* retry-after-ms; -1: not said */
        int64_t after; /* retry-after, in ms; -1: not said */
} RetryHints;

#define RETRY_NO_HINTS { -1, -1, -1 }

/* now: seconds since 1970, for dates. Other headers, and values that make no sense, change nothing. */
void retry_read_header(RetryHints *hints, const char *name, const char *value, int64_t now);

/* What the server asks for, in ms; -1: nothing. */
int64_t retry_asked(const RetryHints *hints);

/* status: of the answer; 0: none came, as where there is no connection. try: how many there were, from 1. random: any number,
 * for the jitter. Milliseconds, or RETRY_NEVER: such an answer stays the same, or the server wants more than RETRY_WAIT_MAX. */
int64_t retry_wait(long status, const RetryHints *hints, unsigned try, uint32_t random);

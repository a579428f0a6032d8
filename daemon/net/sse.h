/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Server-sent events, in pieces of any size: lines may be cut anywhere. */

#include <stdbool.h>

#include "net/bytes.h"

/* One event: its name ("" without one) and its data, several lines joined by a newline. A negative errno ends all. */
typedef int (*sse_event_t)(const char *name, const char *data, size_t size, void *userdata);

typedef struct Sse {
        sse_event_t event;
        void *userdata;
        Bytes line, data; /* of the event that is not whole yet; .max limits them */
        char name[64];
        bool after_return; /* the last byte was \r: a \n that follows ends no other line */
        bool has_data, begun;
} Sse;

void sse_init(Sse *sse, size_t max, sse_event_t event, void *userdata);
void sse_done(Sse *sse);

/* 0, what the callback returned, -EFBIG or -ENOMEM. */
int sse_feed(Sse *sse, const char *bytes, size_t size);

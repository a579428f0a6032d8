/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines in and out, on an event loop: pipes, sockets, terminals and files as they are, without changing their flags, which
 * others may share. A line that is too long is passed over to its end; while the other side does not read, we do not either. */

#include <systemd/sd-event.h>

#define LINE_MAX_BYTES (1U << 20)

typedef struct Lines Lines;

typedef struct LinesHooks {
        void (*on_line)(const char *line, size_t size, void *userdata); /* without its end; never empty */
        void (*on_long_line)(void *userdata); /* one was passed over */
        void (*on_end)(void *userdata); /* of what comes in; or nobody reads what goes out */
        void *userdata;
} LinesHooks;

/* 0 or a negative errno. The descriptors stay the caller's. */
int lines_new(sd_event *event, int in, int out, const LinesHooks *hooks, Lines **ret);

/* Puts a line, to which its end is added, behind what waits to be written. 0 or -ENOMEM. */
int lines_write(Lines *lines, const char *text, size_t size);

/* Waits until all is written, but no longer than that. */
void lines_drain(Lines *lines, int msec);

/* Returns NULL. */
Lines *lines_free(Lines *lines);

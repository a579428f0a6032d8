/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A child process for one thing: it writes bytes into a memfd, and ends. Knows sd-event, but no bus.
 *
 *     const ChildSpec spec = { "copy", become_copier, &what, .bytes_max = 65536, .usec = 10 * USEC_PER_SEC };
 *     child_new(&child, event, &spec, done, userdata, &error);
 *     …  done(child, memfd, userdata); child_free(child) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct Child Child;

typedef struct ChildSpec {
        const char *name; /* of the memfd */
        /* Runs between fork and exec, so that system calls are all that it may use; it returns the exit status, if at all. */
        int (*run)(const void *what, int output);
        const void *what;
        size_t bytes_max; /* that it may write */
        uint64_t usec; /* that it may take */
        bool exits_with_errno; /* its exit status says what went wrong */
} ChildSpec;

/* What it has written, as a sealed memfd, which is the handler's; or a negative errno: -ETIME, -EPROTO (it failed, or was
 * killed), -ENODATA (nothing), or what its exit status says. The handler may free the child. */
typedef void (*child_done_t)(Child *child, int result, void *userdata);

int child_new(Child **ret, sd_event *event, const ChildSpec *spec, child_done_t done, void *userdata, Error *error);

/* Ends it before its time: the handler tells so when the process is gone, which a file system may delay for ever. */
void child_cancel(Child *child);

/* Kills it where it still runs, and waits for nothing. */
Child *child_free(Child *child);
DEFINE_CLEANUP(Child *, child_free)

/* First thing in any child process: signals are what they are by default, and it does not outlive its parent. False: it has. */
bool child_begin(pid_t parent);

/* In a child process that computes: all others come first. Adds to the nice value; whoever may not ask for more goes with that
 * alone. */
void child_give_way(int increment);

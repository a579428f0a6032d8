/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a stranger's descriptor holds, copied into a sealed memfd. The one who made the file system that it is on decides how
 * long reading takes (FUSE, a server that is gone), so a short-lived process of its own reads it, and is killed when it
 * takes too long. Knows sd-event, but no bus.
 *
 *     copy_new(&copy, event, fd, INPUT_BYTES_MAX, done, userdata, &error);
 *     …  done(copy, memfd, userdata); copy_free(copy) */

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct Copy Copy;

/* The bytes from offset 0 on as a sealed memfd, which is the handler's; or a negative errno: -EISDIR, -ENOTSUP (a pipe, a
 * device, …), -EFBIG, -ENODATA (empty), -ETIME, or what reading gave. The handler may free the copy. */
typedef void (*copied_t)(Copy *copy, int result, void *userdata);

/* fd can be closed afterwards. */
int copy_new(Copy **ret, sd_event *event, int fd, size_t max, copied_t done, void *userdata, Error *error);

/* Ends it before its time: done() tells so when its process is gone, which a file system may delay for ever. */
void copy_cancel(Copy *copy);

/* Waits for nothing. */
Copy *copy_free(Copy *copy);
DEFINE_CLEANUP(Copy *, copy_free)

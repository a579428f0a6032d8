/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a stranger's descriptor holds, copied into a sealed memfd. The one who made the file system that it is on decides how
 * long reading takes (FUSE, a server that is gone), so a short-lived process of its own reads it, and is killed when it
 * takes too long. */

#include "workers/child.h"

/* The bytes of fd, which can be closed afterwards, from offset 0 on; done() may also be told -EISDIR, -ENOTSUP (a pipe, a
 * device, …), -EFBIG (more than `max`), or what reading gave. */
int copy_new(Child **ret, sd_event *event, int fd, size_t max, child_done_t done, void *userdata, Error *error);

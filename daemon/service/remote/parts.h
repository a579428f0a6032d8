/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What goes to the server with a request: texts, and the pictures that it starts from as pixels of ours, one after the other:
 * no file of the caller's leaves as it is.
 *
 *     r = parts_new(&parts, service, job, done, userdata, &error);       1: all are there; 0: done() comes
 *     …  parts_fds(parts); parts_free(parts) */

#include "queue/job.h"
#include "net/protocol.h"

struct Service;
typedef struct Parts Parts;

/* Once: NULL: all are there. The handler may free the parts, and error with them. */
typedef void (*parts_done_t)(const Error *error, void *userdata);

int parts_new(Parts **ret, struct Service *service, const Job *job, parts_done_t done, void *userdata, Error *error);
Parts *parts_free(Parts *parts);
DEFINE_CLEANUP(Parts *, parts_free)

/* NET_PART_MAX sealed memfds, -1 where there is none. */
const int *parts_fds(const Parts *parts);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One picture of a job that another generator draws, made into what it is to become by a worker of its own (engine/foreign.h):
 * what was sent becomes what was asked for, what it starts from becomes what is sent.
 *
 *     finishing_new(&finishing, service, job, &info, fd, done, userdata, &error);
 *     …  done(message, fd, NULL, userdata) or done(NULL, -1, error, userdata); finishing_free(finishing) */

#include "queue/job.h"
#include "workers/protocol.h"

struct Service;
typedef struct Finishing Finishing;

/* Once: PICTURE or PREVIEW_IS with its descriptor, which is the handler's, or an error. The handler may free the finishing,
 * and message and error with it. */
typedef void (*finished_t)(const Message *made, int fd, const Error *error, void *userdata);

/* fd: a sealed memfd; can be closed afterwards. */
int finishing_new(
                Finishing **ret, const struct Service *service, const Job *job, const ForeignInfo *info, int fd, finished_t done,
                void *userdata, Error *error);

/* Ends the worker, if it is still at work. */
Finishing *finishing_free(Finishing *finishing);
DEFINE_CLEANUP(Finishing *, finishing_free)

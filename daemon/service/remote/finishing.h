/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One picture of another generator, made into what it is to become by a worker of its own (engine/foreign.h), which has no
 * model and ends with it: what was made to do harm costs that picture, and nothing else.
 *
 *     finishing_new(&finishing, event, config, &order, fd, done, userdata, &error);
 *     …  done(message, fd, NULL, userdata) or done(NULL, -1, error, userdata); finishing_free(finishing) */

#include <systemd/sd-event.h>

#include "config.h"
#include "workers/protocol.h"

typedef struct Finishing Finishing;

typedef struct FinishingOrder {
        uint64_t serial; /* of the job */
        const Request *request;
        const Provenance *provenance;
        ForeignInfo info;
} FinishingOrder;

/* Once: PICTURE or PREVIEW_IS with its descriptor, which is the handler's, or an error. The handler may free the finishing,
 * and message and error with it. */
typedef void (*finished_t)(const Message *made, int fd, const Error *error, void *userdata);

/* fd: a sealed memfd; can be closed afterwards. */
int finishing_new(
                Finishing **ret, sd_event *event, const Config *config, const FinishingOrder *order, int fd, finished_t done,
                void *userdata, Error *error);

/* Ends the worker, if it is still at work. */
Finishing *finishing_free(Finishing *finishing);
DEFINE_CLEANUP(Finishing *, finishing_free)

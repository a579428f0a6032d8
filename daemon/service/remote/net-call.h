/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job of the network worker: through the socket of the user's manager ($XDG_RUNTIME_DIR/imagined/net), or, where nobody
 * listens there, in a process that is started here. Nothing is asked of consent: that is the caller's (remote.h).
 *
 *     net_call_new(&call, event, program, &ask, parts, &handlers, userdata, &error);
 *     …  handlers.result() for each, then handlers.ended(); net_call_free(call) */

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "net/protocol.h"

typedef struct NetCall NetCall;

typedef struct NetCallHandlers {
        void (*progress)(const NetProgress *progress, void *userdata); /* NULL: it is not heard */
        int (*result)(const NetResult *result, int fd, void *userdata); /* the descriptor stays the call's; an error ends all */
        void (*ended)(const Error *error, void *userdata); /* NULL: all results came. Last, and once; may free the call. */
} NetCallHandlers;

/* parts: sealed memfds, -1 where there is none; can be closed afterwards. */
int net_call_new(
                NetCall **ret, sd_event *event, const char *program, const NetAsk *ask, const int parts[static NET_PART_MAX],
                const NetCallHandlers *handlers, void *userdata, Error *error);

/* After ended() with an error, or before net_call_free() of one that is given up, which begins nothing more from here on: whether
 * what was asked for may cost all the same. */
bool net_call_may_cost(NetCall *call);

/* Ends it wherever it is; ended() is not called any more. A task that the server has begun is taken back there, if it can be. */
NetCall *net_call_free(NetCall *call);
DEFINE_CLEANUP(NetCall *, net_call_free)

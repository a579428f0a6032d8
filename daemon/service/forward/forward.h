/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine's instance, seen from a user's: whether there is one, which models it has, and jobs that are sent to it, so
 * that one resident model serves every user. This is all that knows the system bus.
 *
 *     forward_new(&forward, event, &handlers, userdata);
 *     forward_start(forward);                      handlers.known() follows
 *     if (forward_is_there(forward)) …
 *     forward_begin(forward, job);                 handlers.state(), .message() … until DONE, FAILED, or .lost()
 *
 * A job that is sent looks like one at a worker: what comes of it are messages of the workers' protocol. One job is at
 * the front, and only it is told of; one that had to give way to a better one (forward_shelve) stays there, is parked
 * there, and goes on to be told of by the next forward_begin. */

#include <systemd/sd-bus.h>

#include "queue/job.h"
#include "service/digests.h"
#include "workers/protocol.h"

typedef struct Forward Forward;

/* A model there, as ListModels tells. */
typedef struct ForwardModel {
        char *directory;
        bool resident, by_default;
        ModelFiles files; /* and the name */
        ModelReady ready; /* width 0: not known yet */
} ForwardModel;

typedef enum ForwardLoss {
        FORWARD_UNREACHABLE, /* nobody is there, and none can be started */
        FORWARD_DIED, /* it, or the connection: the job can be sent again */
        FORWARD_REFUSED, /* it cannot do this job: it lacks the model or does not know an option */
        FORWARD_FAILED, /* it will not do this job, nor should anybody else */
} ForwardLoss;

typedef struct ForwardHandlers {
        /* Once after forward_start: it is known whether it is there, or too much time has gone by. */
        void (*known)(void *userdata);
        /* Its models are other ones, or what is resident; or it has come or gone. */
        void (*changed)(void *userdata);
        /* The job at the front: queued, loading or running; at which step, and when it will probably be done
         * (CLOCK_MONOTONIC µs; 0: unknown). */
        void (*state)(JobState state, uint32_t step, uint64_t expected_end, void *userdata);
        void (*message)(const Message *message, int fd, void *userdata); /* the handler owns fd, if it is not -1 */
        void (*lost)(ForwardLoss loss, const Error *error, void *userdata);
} ForwardHandlers;

int forward_new(Forward **ret, sd_event *event, const ForwardHandlers *handlers, void *userdata);
Forward *forward_free(Forward *forward);
DEFINE_CLEANUP(Forward *, forward_free)

/* Looks for it, and starts it where it can be. Negative: there is no system bus, and nothing follows. A bus that is lost later is
 * reached for until it is back; then changed() follows. */
int forward_start(Forward *forward);

/* The same where it was not there before; does nothing while it is. */
void forward_look_again(Forward *forward);

/* Jobs that are there are cancelled. */
void forward_stop(Forward *forward);

bool forward_is_there(const Forward *forward);

/* By name; NULL: it has none of that name, or is not there. */
const ForwardModel *forward_models(const Forward *forward, size_t *ret_n);
const ForwardModel *forward_find_model(const Forward *forward, const char *name);

/* State and ResidentModel as it tells them; "" if it is not there. */
const char *forward_state(const Forward *forward);
const char *forward_resident_model(const Forward *forward);

/* Sends a job, or goes on with one that was shelved or whose connection was lost; it is the one at the front. can_stay:
 * there is another way to do it, so that it does not wait for long for an instance that has left. */
void forward_begin(Forward *forward, const Job *job, bool can_stay);

/* CANCEL or PREVIEW, for the job at the front. */
void forward_tell(Forward *forward, MessageType type);

/* The one at the front gives way. */
void forward_shelve(Forward *forward);

/* Cancels a job there if it has not ended, and forgets it; does nothing for one that is not there. */
void forward_forget(Forward *forward, uint64_t serial);

/* Passes a call of the manager's on, with at most one string, and answers it with what comes back. What the caller may
 * there is decided there, with a dialog if the call allows one. For method handlers, which return what this returns. */
int forward_relay(Forward *forward, sd_bus_message *call, const char *argument, sd_bus_error *error);

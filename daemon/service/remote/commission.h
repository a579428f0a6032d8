/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* To whom a job is given that others may draw: the first of those that routing names whom the gate lets through, with the
 * request as they are asked for it and the money that is set aside for it. Plain, on Job.commission; what is to be known of it
 * afterwards is on Job.provenance.
 *
 *     r = commission_begin(service, job, &wish, &error);        1: a provider draws, 0: the resident model does
 *     …  r = commission_go_on(service, job, &error)             that one cannot be had: the next
 *     …  commission_settle(service, job, cost, "done") */

#include "net/protocol.h"
#include "queue/job.h"
#include "service/remote/routing.h"
#include "service/remote/wish.h"

struct Service;

typedef struct Commission {
        RemoteWish wish;
        char model[MODEL_NAME_MAX + 1]; /* that the caller names; "": none */
        bool has_seed, has_strength;
        bool is_import; /* it was drawn already: nobody is asked */
        Words rest; /* who is asked if this one cannot be had */
        bool is_routed;
        Route route; /* then */
        Server server; /* that is asked, as configured when it was chosen */
        Tariff tariff;
        NetAsk ask;
        uint32_t parts; /* bits of NetPart that go with it */
        int64_t entry; /* in the ledger; 0: none is open */
} Commission;

/* Whether the call may concern others at all; what it asks for is otherwise as ever. */
bool commission_is_wanted(const struct Service *service, const RemoteWish *wish);

/* Errors are those of the one that was named, or of the last of several: REMOTE_NOT_CONFIGURED, REMOTE_NO_CONSENT, GATE_WITHHELD,
 * GATE_OVER_BUDGET, NET_UNSUPPORTED, -EINVAL. job->policy.remote follows. */
int commission_begin(struct Service *service, Job *job, const Commission *draft, Error *error);
int commission_go_on(struct Service *service, Job *job, Error *error);

/* Finds what is known of job->commission->server, and puts it on the job. */
void commission_describe(const struct Service *service, Job *job);

/* Notes in the ledger and on the job what it has cost; MONEY_UNKNOWN: what was reserved. Nothing where the job has none. */
void commission_settle(const struct Service *service, Job *job, int64_t cost, const char *outcome);

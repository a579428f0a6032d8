/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job with one server, from its first request to its last answer: dialects say what is sent and what it means, http.h
 * sends it, and this tries again, waits, takes back, and tells the service of all of it. */

#include "net/dialect.h"
#include "net/key.h"
#include "net/sse.h"

typedef struct Conversation { /* conversation_init(), conversation_done() */
        int socket; /* to the service */
        NetAsk ask;
        Bytes parts[NET_PART_MAX];
        Key key;
        const Dialect *dialect;
        Talk talk;
        Http *http;
        Sse sse;
        uint32_t try;
        uint32_t n_said; /* results */
        uint64_t told; /* CLOCK_MONOTONIC, µs: of bytes */
        int64_t wait_max; /* ms, for tests; -1: none */
        uint32_t wait_s; /* before which the server does not want to be asked again */
        bool may_cost; /* as NetFailure.may_cost */
} Conversation;

void conversation_init(Conversation *c, int socket);
void conversation_done(Conversation *c);

/* Until all results are delivered; with the sandbox entered. */
int conversation_hold(Conversation *c, Error *error);

/* NET_ASK_CHECK */
int conversation_check(Conversation *c, Error *error);

/* NET_ASK_DRY_RUN: what conversation_hold() would send first for each result. */
int conversation_show(Conversation *c, Error *error);

/* When there is something to read from the service: whether all is to end. */
bool conversation_is_stopped(const Conversation *c);

int conversation_say(Conversation *c, const NetMessage *message, int fd);

/* NET_STAGE_CONNECTING before anything is sent, NET_STAGE_WAITING before a program is asked: with an error, it must not be. */
int conversation_tell(Conversation *c, NetStage stage);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gate: whether a server may be asked, before anything leaves the machine, and what is asked. Only a user's instance asks
 * servers, those of its configuration, and each only once its user has consented. */

#include "config-servers.h"
#include "net/protocol.h"
#include "service/remote/net-call.h"

struct Service;

#define REMOTE_NOT_CONFIGURED (-EDESTADDRREQ)
#define REMOTE_NO_CONSENT (-EKEYREVOKED)

/* The server of that name and dialect; "": the first of the dialect, that understands pictures if vision is set. Errors with
 * a sentence: REMOTE_NOT_CONFIGURED. The server is the configuration's, until that is another one. */
int remote_find(const struct Service *service, const char *name, NetDialect dialect, bool vision, const Server **ret, Error *error);

/* Whether its user has consented; REMOTE_NO_CONSENT with a sentence. */
int remote_check(const Server *server, Error *error);

/* What is the same for all that a server is asked: where it is, its key's name and its limits. */
void remote_fill(const Server *server, NetAsk *ret);

/* Asks; without consent only if the request is shown and not sent (NET_ASK_DRY_RUN): else REMOTE_NO_CONSENT. As
 * net_call_new(). */
int remote_ask(
                NetCall **ret, const struct Service *service, const Server *server, const NetAsk *ask, const int parts[static NET_PART_MAX],
                const NetCallHandlers *handlers, void *userdata, Error *error);

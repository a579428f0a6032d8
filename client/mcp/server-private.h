/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/mcp/lines.h"
#include "client/mcp/rpc.h"
#include "client/mcp/server.h"

struct Server {
        sd_event *event;
        Link link;
        Lines *lines;
        const Shelf *shelf;
        const char *version; /* that "initialize" has settled; NULL before */
        Call *calls;
        size_t n_calls;
};

/* Sends a message, which it takes over. Without memory for it the server ends. */
void server_send(Server *server, json_t *message);

/* A result as the version of the request has it. */
json_t *server_result(const Rpc *rpc, bool is_modern, json_t *result);

/* Begins a tools/call, or answers with why not. */
void server_call(Server *server, const Rpc *rpc, bool is_modern);

/* Ends a call without an answer. */
void call_drop(Call *call);
Call *call_find(Server *server, json_t *id);

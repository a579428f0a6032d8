/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON-RPC 2.0, as the Model Context Protocol has it: one object a line, no batches.
 *
 *     Rpc rpc = { 0 };
 *     json_t *refusal = rpc_parse(line, size, &rpc);
 *     if (refusal)
 *             …                                        // the answer to what is no request
 *     else if (rpc.kind == RPC_REQUEST)
 *             answer = rpc_result(rpc.id, json_pack("{}"));
 *     rpc_done(&rpc);
 *
 * What makes JSON returns NULL when memory is short. */

#include <jansson.h>

#define RPC_DEPTH_MAX 32 /* of arrays and objects within each other */

#define RPC_PARSE_ERROR (-32700)
#define RPC_INVALID_REQUEST (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS (-32602)

typedef enum RpcKind {
        RPC_NOTHING, /* an answer; nothing of ours asks */
        RPC_REQUEST,
        RPC_NOTIFICATION,
} RpcKind;

typedef struct Rpc {
        RpcKind kind;
        json_t *id; /* a string or an integer; NULL for a notification */
        const char *method;
        json_t *params; /* an object; NULL without one */
        json_t *object; /* that all of it belongs to */
} Rpc;

/* NULL, and *ret is to be released with rpc_done(); or the error to answer with. */
json_t *rpc_parse(const char *text, size_t size, Rpc *ret);
void rpc_done(Rpc *rpc);

/* The result belongs to the answer then; the id does not. */
json_t *rpc_result(json_t *id, json_t *result);

/* id: NULL for null. data, which belongs to the answer then: NULL for none. */
json_t *rpc_error(json_t *id, int code, json_t *data, const char *message);

/* Takes the parameters over. */
json_t *rpc_notification(const char *method, json_t *params);

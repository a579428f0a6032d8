/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/json.h"
#include "client/mcp/rpc.h"

static json_t *refuse(json_t *object, json_t *id, int code, const char *message)
{
        json_t *answer = rpc_error(id, code, NULL, message);

        json_decref(object);
        return answer;
}

json_t *rpc_parse(const char *text, size_t size, Rpc *ret)
{
        json_t *object = json_parse_bounded(text, size, RPC_DEPTH_MAX);
        if (!object)
                return rpc_error(NULL, RPC_PARSE_ERROR, NULL, "this line is no JSON, or too deep");
        if (!json_is_object(object))
                return refuse(object, NULL, RPC_INVALID_REQUEST, "a line holds one object, and no batch");

        json_t *id = json_object_get(object, "id"), *method = json_object_get(object, "method");
        json_t *params = json_object_get(object, "params"), *version = json_object_get(object, "jsonrpc");
        if (id && !json_is_string(id) && !json_is_integer(id))
                return refuse(object, NULL, RPC_INVALID_REQUEST, "id is a string or an integer");
        if (!json_is_string(version) || !streq(json_string_value(version), "2.0"))
                return refuse(object, id, RPC_INVALID_REQUEST, "jsonrpc is \"2.0\"");
        if (!method && (json_object_get(object, "result") || json_object_get(object, "error"))) {
                *ret = (Rpc) { .kind = RPC_NOTHING, .object = object };
                return NULL;
        }
        if (!json_is_string(method))
                return refuse(object, id, RPC_INVALID_REQUEST, "method is a string");
        if (params && !json_is_object(params)) {
                if (!id) { /* notifications are never answered */
                        *ret = (Rpc) { .kind = RPC_NOTHING, .object = object };
                        return NULL;
                }
                return refuse(object, id, RPC_INVALID_PARAMS, "params is an object");
        }
        *ret = (Rpc) {
                .kind = id ? RPC_REQUEST : RPC_NOTIFICATION,
                .id = id,
                .method = json_string_value(method),
                .params = params,
                .object = object,
        };
        return NULL;
}

void rpc_done(Rpc *rpc)
{
        json_decref(rpc->object);
        *rpc = (Rpc) { 0 };
}

json_t *rpc_result(json_t *id, json_t *result)
{
        return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *rpc_error(json_t *id, int code, json_t *data, const char *message)
{
        json_t *error = json_pack("{s:i, s:s}", "code", code, "message", message);

        if (data)
                (void)json_object_set_new(error, "data", data);
        return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id ? json_incref(id) : json_null(), "error", error);
}

json_t *rpc_notification(const char *method, json_t *params)
{
        return json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
}

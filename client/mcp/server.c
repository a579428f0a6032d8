/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/mcp/server-private.h"

#define MODERN "2026-07-28"
#define META "io.modelcontextprotocol/"
#define UNSUPPORTED_VERSION (-32022)
#define LIST_TTL_MSEC 3600000 /* the tools are those of the program */
#define DRAIN_MSEC 2000

static const char instructions[] =
        "Draws pictures with the diffusion model that is resident on this machine. generate_image takes seconds to minutes; its "
        "pictures are files in one folder, which get_image shows again. The same seed and settings draw the same picture. "
        "enhance_prompt makes a full prompt of a short idea first.";

/* The newest first. */
static const char *const legacy_versions[] = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05" };

void server_send(Server *s, json_t *message)
{
        char *text = message ? json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

        json_decref(message);
        int r = text ? lines_write(s->lines, text, strlen(text)) : -ENOMEM;
        free(text);
        if (r < 0)
                (void)sd_event_exit(s->event, r);
}

static json_t *server_info(void)
{
        return json_pack("{s:s, s:s, s:s}", "name", "imagined", "title", "Pictures from words", "version", VERSION);
}

json_t *server_result(const Rpc *rpc, bool is_modern, json_t *result)
{
        if (is_modern) {
                (void)json_object_set_new(result, "resultType", json_string("complete"));
                (void)json_object_set_new(result, "_meta", json_pack("{s:o}", META "serverInfo", server_info()));
        }
        return rpc_result(rpc->id, result);
}

static void set_lifetime(json_t *result)
{
        (void)json_object_set_new(result, "ttlMs", json_integer(LIST_TTL_MSEC));
        (void)json_object_set_new(result, "cacheScope", json_string("public"));
}

static void initialize(Server *s, const Rpc *rpc, bool is_modern)
{
        const char *asked = json_string_value(json_object_get(rpc->params, "protocolVersion"));

        (void)is_modern;
        if (!asked) {
                server_send(s, rpc_error(rpc->id, RPC_INVALID_PARAMS, NULL, "protocolVersion is missing"));
                return;
        }
        if (s->version) {
                server_send(s, rpc_error(rpc->id, RPC_INVALID_REQUEST, NULL, "this session has begun already"));
                return;
        }
        s->version = legacy_versions[0];
        for (size_t i = 0; i < ELEMENTSOF(legacy_versions); i++)
                if (streq(asked, legacy_versions[i]))
                        s->version = legacy_versions[i];
        server_send(s, rpc_result(rpc->id, json_pack("{s:s, s:{s:{}}, s:o, s:s}", "protocolVersion", s->version, "capabilities",
                                                     "tools", "serverInfo", server_info(), "instructions", instructions)));
}

static void discover(Server *s, const Rpc *rpc, bool is_modern)
{
        json_t *result = json_pack("{s:[s], s:{s:{}}, s:s}", "supportedVersions", MODERN, "capabilities", "tools", "instructions",
                                   instructions);

        set_lifetime(result);
        server_send(s, server_result(rpc, is_modern, result));
}

static void ping(Server *s, const Rpc *rpc, bool is_modern)
{
        (void)is_modern;
        server_send(s, rpc_result(rpc->id, json_object()));
}

static json_t *describe_tool(const Tool *tool)
{
        return json_pack("{s:s, s:s, s:s, s:o, s:{s:b, s:b, s:b, s:b}}", "name", tool->name, "title", tool->title, "description",
                         tool->description, "inputSchema", tool->schema(), "annotations", "readOnlyHint", tool->only_reads,
                         "destructiveHint", 0, "idempotentHint", tool->only_reads, "openWorldHint", tool->asks_servers);
}

static void list_tools(Server *s, const Rpc *rpc, bool is_modern)
{
        json_t *tools = json_array();

        if (json_object_get(rpc->params, "cursor")) {
                json_decref(tools);
                server_send(s, rpc_error(rpc->id, RPC_INVALID_PARAMS, NULL, "there is one page, and no cursor"));
                return;
        }
        for (size_t i = 0; i < n_tools; i++)
                (void)json_array_append_new(tools, describe_tool(tool_table[i]));
        json_t *result = json_pack("{s:o}", "tools", tools);
        if (is_modern)
                set_lifetime(result);
        server_send(s, server_result(rpc, is_modern, result));
}

static const struct {
        const char *name;
        bool is_legacy, is_modern;
        void (*run)(Server *s, const Rpc *rpc, bool is_modern);
} method_table[] = {
        { "initialize", true, false, initialize }, { "ping", true, false, ping },
        { "server/discover", false, true, discover }, { "tools/list", true, true, list_tools },
        { "tools/call", true, true, server_call },
};

/* -32602 for what is missing, -32022 for a version that is not spoken. NULL: all is well. */
static json_t *check_meta(const Rpc *rpc, const json_t *meta)
{
        const json_t *version = json_object_get(meta, META "protocolVersion");

        if (!json_is_string(version))
                return rpc_error(rpc->id, RPC_INVALID_PARAMS, NULL, "_meta lacks " META "protocolVersion");
        if (!streq(json_string_value(version), MODERN))
                return rpc_error(rpc->id, UNSUPPORTED_VERSION,
                                 json_pack("{s:[s], s:s}", "supported", MODERN, "requested", json_string_value(version)),
                                 "unsupported protocol version");
        if (!json_is_object(json_object_get(meta, META "clientCapabilities")))
                return rpc_error(rpc->id, RPC_INVALID_PARAMS, NULL, "_meta lacks " META "clientCapabilities");
        return NULL;
}

static void answer(Server *s, const Rpc *rpc)
{
        const json_t *meta = json_object_get(rpc->params, "_meta");
        bool is_modern = json_object_get(meta, META "protocolVersion");
        const size_t n = ELEMENTSOF(method_table);
        json_t *refusal = NULL;
        size_t i = 0;

        while (i < n && !streq(rpc->method, method_table[i].name))
                i++;
        /* What neither belongs to a session that has begun nor may begin one has to tell its version. */
        if (!is_modern && !s->version && (i == n || !method_table[i].is_legacy || method_table[i].is_modern))
                is_modern = true;
        else if (!is_modern && i < n && !method_table[i].is_legacy)
                is_modern = true;
        if (is_modern)
                refusal = check_meta(rpc, meta);
        if (!refusal && (i == n || !(is_modern ? method_table[i].is_modern : method_table[i].is_legacy)))
                refusal = rpc_error(rpc->id, RPC_METHOD_NOT_FOUND, NULL, "there is no such method");
        if (!refusal && call_find(s, rpc->id))
                refusal = rpc_error(rpc->id, RPC_INVALID_REQUEST, NULL, "a request of that id is at work");
        if (refusal)
                server_send(s, refusal);
        else
                method_table[i].run(s, rpc, is_modern);
}

static void take_notification(Server *s, const Rpc *rpc)
{
        if (!streq(rpc->method, "notifications/cancelled"))
                return;
        Call *call = call_find(s, json_object_get(rpc->params, "requestId"));
        if (call)
                call_drop(call);
}

static void on_line(const char *line, size_t size, void *userdata)
{
        Server *s = userdata;
        Rpc rpc = { 0 };

        json_t *refusal = rpc_parse(line, size, &rpc);
        if (refusal)
                server_send(s, refusal);
        else if (rpc.kind == RPC_REQUEST)
                answer(s, &rpc);
        else if (rpc.kind == RPC_NOTIFICATION)
                take_notification(s, &rpc);
        rpc_done(&rpc);
}

static void on_long_line(void *userdata)
{
        server_send(userdata, rpc_error(NULL, RPC_INVALID_REQUEST, NULL, "the line is too long"));
}

static void on_end(void *userdata)
{
        Server *s = userdata;

        lines_drain(s->lines, DRAIN_MSEC);
        (void)sd_event_exit(s->event, 0);
}

int server_new(sd_event *event, const Options *options, const Shelf *shelf, int in, int out, Server **ret)
{
        const LinesHooks hooks = { .on_line = on_line, .on_long_line = on_long_line, .on_end = on_end };
        Server *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->shelf = shelf;
        s->link = (Link) { .event = event, .base = { .user = options->user, .system = options->system,
                                                     .no_start = options->no_start, .count = 1 } };
        LinesHooks with_server = hooks;
        with_server.userdata = s;
        int r = lines_new(event, in, out, &with_server, &s->lines);
        if (r < 0) {
                server_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

Server *server_free(Server *s)
{
        if (!s)
                return NULL;
        while (s->calls)
                call_drop(s->calls);
        link_close(&s->link);
        s->lines = lines_free(s->lines);
        (void)sd_event_unref(s->event);
        free(s);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/mcp/server-private.h"

#define LINKS_SINCE "2025-06-18"
#define TEXT_MAX 2048

Call *call_find(Server *s, json_t *id)
{
        Call *call = s->calls;

        while (call && !(id && json_equal(call->id, id)))
                call = call->next;
        return call;
}

static void release(Call *call)
{
        Server *s = call->server;
        Call **at = &s->calls;

        while (*at != call)
                at = &(*at)->next;
        *at = call->next;
        s->n_calls--;
        json_decref(call->content);
        json_decref(call->structured);
        json_decref(call->arguments);
        json_decref(call->token);
        json_decref(call->id);
        free(call);
}

void call_drop(Call *call)
{
        if (call->tool->stop)
                call->tool->stop(call);
        release(call);
}

static void finish(Call *call, bool is_error)
{
        const Rpc rpc = { .id = call->id };
        json_t *result = json_pack("{s:O, s:b}", "content", call->content, "isError", is_error);

        if (call->structured && call->takes_links && !is_error)
                (void)json_object_set(result, "structuredContent", call->structured);
        server_send(call->server, server_result(&rpc, call->is_modern, result));
        call_drop(call);
}

void call_end(Call *call)
{
        finish(call, false);
}

static void add_text(Call *call, const char *format, va_list ap)
{
        char text[TEXT_MAX];

        (void)vsnprintf(text, sizeof(text), format, ap);
        client_clean_text(text);
        call_add_long_text(call, text);
}

void call_add_text(Call *call, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add_text(call, format, ap);
        va_end(ap);
}

void call_fail(Call *call, const char *format, ...)
{
        va_list ap;

        (void)json_array_clear(call->content);
        va_start(ap, format);
        add_text(call, format, ap);
        va_end(ap);
        finish(call, true);
}

void call_add_long_text(Call *call, const char *text)
{
        (void)json_array_append_new(call->content, json_pack("{s:s, s:s}", "type", "text", "text", text));
}

void call_add_link(Call *call, const char *name, const char *mime)
{
        _cleanup_(freep) char *uri = shelf_uri(call->shelf, name);

        if (!call->takes_links)
                call_add_text(call, "%s", uri ? uri : name);
        else if (uri)
                (void)json_array_append_new(call->content, json_pack("{s:s, s:s, s:s, s:s}", "type", "resource_link", "uri", uri,
                                                                     "name", name, "mimeType", mime));
}

void call_add_image(Call *call, const char *base64, const char *mime)
{
        (void)json_array_append_new(call->content,
                                    json_pack("{s:s, s:s, s:s}", "type", "image", "data", base64, "mimeType", mime));
}

void call_progress(Call *call, double share, const char *format, ...)
{
        char text[TEXT_MAX];
        va_list ap;

        if (!call->token || share <= call->progress)
                return;
        call->progress = share;
        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        client_clean_text(text);
        server_send(call->server, rpc_notification("notifications/progress",
                                                   json_pack("{s:O, s:f, s:f, s:s}", "progressToken", call->token, "progress",
                                                             100 * share, "total", 100.0, "message", text)));
}

static const Tool *find_tool(const char *name)
{
        for (size_t i = 0; name && i < n_tools; i++)
                if (streq(name, tool_table[i]->name))
                        return tool_table[i];
        return NULL;
}

static Call *new_call(Server *s, const Rpc *rpc, const Tool *tool, bool is_modern)
{
        json_t *arguments = json_object_get(rpc->params, "arguments");
        json_t *token = json_object_get(json_object_get(rpc->params, "_meta"), "progressToken");
        Call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        *call = (Call) {
                .server = s,
                .link = &s->link,
                .shelf = s->shelf,
                .tool = tool,
                .content = json_array(),
                .takes_links = is_modern || strcmp(s->version, LINKS_SINCE) >= 0,
                .next = s->calls,
                .id = json_incref(rpc->id),
                .token = json_is_string(token) || json_is_integer(token) ? json_incref(token) : NULL,
                .arguments = arguments ? json_incref(arguments) : json_object(),
                .is_modern = is_modern,
        };
        s->calls = call;
        s->n_calls++;
        return call;
}

static void run(Call *call)
{
        json_t *schema = call->tool->schema();
        const char *unknown = arguments_find_unknown(call->arguments, schema);

        json_decref(schema);
        if (unknown)
                call_fail(call, "there is no argument %s", unknown);
        else if (call->server->n_calls > CALLS_MAX)
                call_fail(call, "%d calls are at work already; ask again when one has ended", CALLS_MAX);
        else
                call->tool->run(call, call->arguments);
}

void server_call(Server *s, const Rpc *rpc, bool is_modern)
{
        const json_t *arguments = json_object_get(rpc->params, "arguments");
        const Tool *tool = find_tool(json_string_value(json_object_get(rpc->params, "name")));

        if (!tool || (arguments && !json_is_object(arguments))) {
                server_send(s, rpc_error(rpc->id, RPC_INVALID_PARAMS, NULL,
                                         tool ? "arguments is an object" : "there is no such tool"));
                return;
        }
        Call *call = new_call(s, rpc, tool, is_modern);
        if (call)
                run(call);
        else
                (void)sd_event_exit(s->event, -ENOMEM);
}

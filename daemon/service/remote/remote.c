/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/remote/consent.h"
#include "service/remote/remote.h"
#include "service/service.h"

#define CONNECT_MS 15000
#define ANSWER_BYTES (4U << 20) /* of texts */

static bool speaks(const Server *server, NetDialect dialect)
{
        return streq(server->dialect, net_dialect_to_string(dialect));
}

int remote_find(const Service *service, const char *name, NetDialect dialect, bool vision, const Server **ret, Error *error)
{
        const Servers *servers = service->config->servers;

        if (!service->forward)
                return error_set(error, REMOTE_NOT_CONFIGURED, "Only a user's instance asks servers, not the machine's");
        if (*name) {
                const Server *server = config_find_server(servers, name);
                if (!server || !speaks(server, dialect))
                        return error_set(error, REMOTE_NOT_CONFIGURED, "There is no server %.63s of that kind in the configuration", name);
                *ret = server;
                return 0;
        }
        for (size_t i = 0; i < servers->n; i++)
                if (speaks(&servers->items[i], dialect) && (servers->items[i].vision || !vision)) {
                        *ret = &servers->items[i];
                        return 0;
                }
        return error_set(error, REMOTE_NOT_CONFIGURED, vision ? "No chat server that understands pictures is configured"
                                                              : "No chat server is configured");
}

void remote_fill(const Server *server, NetAsk *ret)
{
        const uint32_t total = server->seconds * 1000;

        *ret = (NetAsk) {
                .dialect = (uint32_t)net_dialect_from_string(server->dialect),
                .flags = server->stream ? NET_ASK_STREAM : 0,
                .count = 1,
                .tokens = server->tokens,
                .temperature = server->temperature,
                .limits = { .connect_ms = MIN(CONNECT_MS, total), .first_byte_ms = total, .idle_ms = MIN(60000U, total),
                            .total_ms = total, .answer_bytes = ANSWER_BYTES, .tries = server->tries },
        };
        (void)snprintf(ret->url, sizeof(ret->url), "%s", server->url);
        (void)snprintf(ret->model, sizeof(ret->model), "%s", server->model);
        (void)snprintf(ret->key, sizeof(ret->key), "%s", server->key);
        (void)snprintf(ret->ca, sizeof(ret->ca), "%s", server->ca);
}

int remote_check(const Server *server, Error *error)
{
        if (consent_is_given(server))
                return 0;
        return error_set(error, REMOTE_NO_CONSENT, "Nothing is sent to %s (%s) before its user consents: imagine consent grant %s",
                         server->name, server->url, server->name);
}

int remote_ask(
                NetCall **ret, const Service *service, const Server *server, const NetAsk *ask, const int parts[static NET_PART_MAX],
                const NetCallHandlers *handlers, void *userdata, Error *error)
{
        int r = ask->flags & NET_ASK_DRY_RUN ? 0 : remote_check(server, error);
        return r < 0 ? r : net_call_new(ret, service->event, service->config->net_worker, ask, parts, handlers, userdata, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/remote/consent.h"
#include "service/remote/manager-servers.h"
#include "service/remote/remote.h"
#include "service/service.h"

static int append_server(sd_bus_message *reply, const Server *server)
{
        return sd_bus_message_append(
                        reply, "(sa{sv})", server->name, 6, "url", "s", server->url, "dialect", "s", server->dialect, "model", "s",
                        server->model, "key", "s", server->key, "vision", "b", (int)server->vision, "consent", "b",
                        (int)consent_is_given(server));
}

int manager_list_servers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Service *service = userdata;
        (void)error;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (size_t i = 0; i < service->config->servers->n && service->forward && r >= 0; i++)
                r = append_server(reply, &service->config->servers->items[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* An app in a sandbox asks its user by other means than by consenting itself. */
int manager_set_consent(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        const Server *server;
        Error error = {};
        const char *name;
        int given;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r >= 0)
                r = sd_bus_message_read(call, "sb", &name, &given);
        if (r < 0)
                return r;
        server = service->forward ? config_find_server(service->config->servers, name) : NULL;
        if (!server && given) /* what is not configured any more can still be taken back */
                return error_to_bus_code(bus_error, REMOTE_NOT_CONFIGURED, NULL);
        if (strncmp(callers_app(service->callers, call), "flatpak:", strlen("flatpak:")) == 0)
                return sd_bus_error_set(bus_error, SD_BUS_ERROR_ACCESS_DENIED, "An app in a sandbox cannot consent for its user");
        r = consent_set(name, given ? server->url : NULL, &error);
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);
        if (server)
                log_notice("The user %s the server %s", given ? "consents to" : "does not consent any more to", server->name);
        return sd_bus_reply_method_return(call, NULL);
}

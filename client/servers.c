/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "client/bus.h"
#include "client/json.h"
#include "client/servers.h"

static int append_servers(sd_bus_message *reply, json_t *servers)
{
        const char *name;

        int r = sd_bus_message_enter_container(reply, 'a', "(sa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "sa{sv}")) > 0) {
                json_t *server = NULL;
                r = sd_bus_message_read(reply, "s", &name);
                if (r >= 0)
                        r = json_read_dict(reply, &server);
                if (r >= 0 && (json_object_set_new(server, "name", json_from_text(name)) < 0 || json_array_append(servers, server) < 0))
                        r = -ENOMEM;
                json_decref(server);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

int servers_read(sd_bus_message *reply, json_t **ret)
{
        json_t *servers = json_array();

        int r = append_servers(reply, servers);
        if (r < 0) {
                json_decref(servers);
                return r;
        }
        json_clean_texts(servers);
        *ret = servers;
        return 0;
}

ExitCode servers_list_of(Client *c, const char *method, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_call_manager(c, method, &error, &reply, "");
        if (r >= 0)
                r = servers_read(reply, ret);
        return r < 0 ? bus_fail(c, &error, r) : CODE_OK;
}

ExitCode servers_list(Client *c, json_t **ret)
{
        return servers_list_of(c, "ListServers", ret);
}

void servers_print_names(const json_t *servers)
{
        for (size_t i = 0; i < json_array_size(servers); i++) {
                const char *name = json_string_value(json_object_get(json_array_get(servers, i), "name"));
                (void)printf("%s\n", name ? name : "");
        }
}

json_t *servers_find(const json_t *servers, const char *name)
{
        for (size_t i = 0; i < json_array_size(servers); i++) {
                json_t *server = json_array_get(servers, i);
                const char *its = json_string_value(json_object_get(server, "name"));
                if (its && streq(its, name))
                        return server;
        }
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "config-fields.h"
#include "config-remote.h"
#include "config-servers.h"
#include "net/protocol.h"

#define PARALLEL_MAX 16

#define PLACE(field) CONFIG_PLACE(Server, field)
static const ConfigField fields[] = {
        { "name", FIELD_TEXT, PLACE(name) },
        { "dialect", FIELD_TEXT, PLACE(dialect) },
        { "url", FIELD_TEXT, PLACE(url) },
        { "model", FIELD_TEXT, PLACE(model) },
        { "key", FIELD_TEXT, PLACE(key) },
        { "ca", FIELD_TEXT, PLACE(ca) },
        { "role", FIELD_TEXT, PLACE(role) },
        { "workflow", FIELD_TEXT, PLACE(workflow) },
        { "vision", FIELD_SWITCH, PLACE(vision) },
        { "stream", FIELD_SWITCH, PLACE(stream) },
        { "temperature", FIELD_REAL, PLACE(temperature), 0, 2 },
        { "tokens", FIELD_NUMBER, PLACE(tokens), 0, NET_TOKENS_MAX },
        { "seconds", FIELD_NUMBER, PLACE(seconds), 1, 3600 },
        { "tries", FIELD_NUMBER, PLACE(tries), 1, NET_TRIES_MAX },
        { "service", FIELD_TEXT, PLACE(service) },
        { "price", FIELD_MONEY, PLACE(price) },
        { "currency", FIELD_TEXT, PLACE(currency) },
        { "licence", FIELD_TEXT, PLACE(licence) },
        { "terms", FIELD_TEXT, PLACE(terms) },
        { "quality", FIELD_TEXT, PLACE(quality) },
        { "style", FIELD_TEXT, PLACE(style) },
        { "background", FIELD_TEXT, PLACE(background) },
        { "moderation", FIELD_TEXT, PLACE(moderation) },
        { "purposes", FIELD_WORDS, PLACE(purposes) },
        { "parallel", FIELD_NUMBER, PLACE(parallel), 1, PARALLEL_MAX },
};

static bool starts(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

bool server_is_here(const Server *server)
{
        static const char *const hosts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

        for (size_t i = 0; i < ELEMENTSOF(hosts); i++)
                if (strncasecmp(server->url, hosts[i], strlen(hosts[i])) == 0 && strchr(":/", server->url[strlen(hosts[i])]))
                        return true; /* strchr finds the end, too */
        return false;
}

static const char *check_url(const Server *server)
{
        const char *host = starts(server->url, "https://") ? server->url + strlen("https://")
                           : starts(server->url, "http://") ? server->url + strlen("http://")
                                                            : "";

        if (*host == '\0' || *host == '/' || *host == ':')
                return "url must be an address that begins with https:// or http://";
        if (strpbrk(server->url, " @?#\\"))
                return "url must have no user, query, fragment or space";
        for (const char *p = server->url; *p; p++)
                if ((unsigned char)*p >= 0x80)
                        return "url must be ASCII";
        if (server->key[0] && starts(server->url, "http://") && !server_is_here(server))
                return "a key goes over https:// only, but for this machine";
        return NULL;
}

/* What stands in the message is the table, so that it knows a new one. */
static const char *list_dialects(char buffer[static 256])
{
        int n = snprintf(buffer, 256, "dialect must be one of");

        for (int i = 0; i < NET_DIALECT_MAX && n < 256; i++)
                n += snprintf(buffer + n, 256 - (size_t)n, " %s", net_dialect_to_string((NetDialect)i));
        return buffer;
}

static const char *check(const Server *server, const Servers *before, char buffer[static 256])
{
        const int dialect = net_dialect_from_string(server->dialect);

        if (!net_is_key_name(server->name))
                return "each server needs a name of letters, digits, dots, underscores and dashes";
        if (streq(server->name, PROVIDER_LOCAL))
                return "no server can be called local: the resident model is";
        if (config_find_server(before, server->name))
                return "two servers have the same name";
        if (dialect < 0)
                return list_dialects(buffer);
        if (server->key[0] && !net_is_key_name(server->key))
                return "key is the key's name, of letters, digits, dots, underscores and dashes: the key itself stands in no file of ours";
        if ((server->ca[0] && server->ca[0] != '/') || (server->role[0] && server->role[0] != '/') ||
            (server->workflow[0] && server->workflow[0] != '/'))
                return "ca, role and workflow must be absolute paths";
        if (!currency_is_valid(server->currency))
                return "currency must be three capital letters";
        if (dialect == NET_DIALECT_COMFYUI && !server->workflow[0])
                return "comfyui needs a workflow";
        if (dialect == NET_DIALECT_PROGRAM)
                return server->url[0] == '/' ? NULL : "url must be the absolute path of the program";
        return check_url(server);
}

static int read_server(Server *ret, const config_setting_t *group, const Servers *before, const char **why, char buffer[static 256])
{
        *ret = (Server) { .dialect = "chat", .temperature = -1, .seconds = 300, .tries = 3, .price = MONEY_UNKNOWN,
                          .currency = "USD", .parallel = 2 };
        if (!config_setting_is_group(group)) {
                *why = "must be a list of groups: ( { name = \"…\"; url = \"…\"; } )";
                return -EINVAL;
        }
        *why = config_read_group(ret, fields, ELEMENTSOF(fields), group, buffer);
        if (*why)
                return -EINVAL;
        *why = check(ret, before, buffer);
        return *why ? -EINVAL : 0;
}

int config_set_servers(Servers **value, const config_setting_t *setting, const char **why, char buffer[static 256])
{
        const int n = config_setting_length(setting);

        if (!config_setting_is_list(setting) || n > SERVERS_MAX) {
                *why = "must be a list of at most 32 groups: ( { name = \"…\"; url = \"…\"; } )";
                return -EINVAL;
        }
        _cleanup_(freep) Servers *servers = calloc(1, sizeof(Servers) + (size_t)n * sizeof(Server));
        if (!servers)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                int r = read_server(&servers->items[i], config_setting_get_elem(setting, (unsigned)i), servers, why, buffer);
                if (r < 0)
                        return r;
                servers->n++;
        }
        free(*value);
        *value = TAKE_PTR(servers);
        return 0;
}

Servers *config_copy_servers(const Servers *servers)
{
        const size_t size = sizeof(Servers) + servers->n * sizeof(Server);
        Servers *copy = malloc(size);

        return copy ? memcpy(copy, servers, size) : NULL;
}

const Server *config_find_server(const Servers *servers, const char *name)
{
        for (size_t i = 0; i < servers->n; i++)
                if (streq(servers->items[i].name, name))
                        return &servers->items[i];
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "config-servers.h"
#include "net/protocol.h"

typedef struct Field {
        const char *name;
        enum { TEXT, SWITCH, NUMBER, REAL } type;
        size_t offset, size; /* of a text: its room */
        double low, high;
} Field;

#define F(field) offsetof(Server, field), sizeof(((Server *)NULL)->field)
static const Field fields[] = {
        { "name", TEXT, F(name) },
        { "dialect", TEXT, F(dialect) },
        { "url", TEXT, F(url) },
        { "model", TEXT, F(model) },
        { "key", TEXT, F(key) },
        { "ca", TEXT, F(ca) },
        { "role", TEXT, F(role) },
        { "vision", SWITCH, F(vision) },
        { "stream", SWITCH, F(stream) },
        { "temperature", REAL, F(temperature), 0, 2 },
        { "tokens", NUMBER, F(tokens), 0, NET_TOKENS_MAX },
        { "seconds", NUMBER, F(seconds), 1, 3600 },
        { "tries", NUMBER, F(tries), 1, NET_TRIES_MAX },
};

static const char *set_text(char *text, const Field *field, const config_setting_t *setting)
{
        const char *value = config_setting_get_string(setting);

        if (!value)
                return "must be a string in quotes";
        if (strlen(value) >= field->size)
                return "is too long";
        for (const char *p = value; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return "must not have control characters";
        memcpy(text, value, strlen(value) + 1);
        return NULL;
}

static const char *set_number(void *place, const Field *field, const config_setting_t *setting)
{
        const int type = config_setting_type(setting);
        double value = type == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting) : config_setting_get_int(setting);

        if (type != CONFIG_TYPE_INT && (type != CONFIG_TYPE_FLOAT || field->type != REAL))
                return field->type == REAL ? "must be a number" : "must be a whole number";
        if (!isfinite(value) || value < field->low || value > field->high)
                return "is out of its range";
        if (field->type == REAL)
                *(double *)place = value;
        else
                *(uint32_t *)place = (uint32_t)value;
        return NULL;
}

/* NULL, or what is wrong with it. */
static const char *set_field(Server *server, const config_setting_t *setting)
{
        const char *name = config_setting_name(setting);

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                void *place = (char *)server + fields[i].offset;
                if (!streq(fields[i].name, name))
                        continue;
                if (fields[i].type == TEXT)
                        return set_text(place, &fields[i], setting);
                if (fields[i].type != SWITCH)
                        return set_number(place, &fields[i], setting);
                if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                        return "must be true or false";
                *(bool *)place = config_setting_get_bool(setting);
                return NULL;
        }
        return "is no key of a server";
}

static bool starts(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

/* This machine, whatever its name. */
static bool is_here(const char *url)
{
        static const char *const hosts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

        for (size_t i = 0; i < ELEMENTSOF(hosts); i++)
                if (starts(url, hosts[i]) && strchr(":/", url[strlen(hosts[i])]))
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
        if (server->key[0] && starts(server->url, "http://") && !is_here(server->url))
                return "a key goes over https:// only, but for this machine";
        return NULL;
}

static const char *check(const Server *server, const Servers *before)
{
        if (!net_is_key_name(server->name))
                return "each server needs a name of letters, digits, dots, underscores and dashes";
        if (config_find_server(before, server->name))
                return "two servers have the same name";
        if (net_dialect_from_string(server->dialect) < 0)
                return "dialect must be chat";
        if (server->key[0] && !net_is_key_name(server->key))
                return "key is the key's name, of letters, digits, dots, underscores and dashes: the key itself stands in no file of ours";
        if ((server->ca[0] && server->ca[0] != '/') || (server->role[0] && server->role[0] != '/'))
                return "ca and role must be absolute paths";
        return check_url(server);
}

static int read_server(Server *ret, const config_setting_t *group, const Servers *before, const char **why, char buffer[static 256])
{
        *ret = (Server) { .dialect = "chat", .temperature = -1, .seconds = 300, .tries = 3 };
        if (!config_setting_is_group(group)) {
                *why = "must be a list of groups: ( { name = \"…\"; url = \"…\"; } )";
                return -EINVAL;
        }
        for (int i = 0; i < config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
                const char *fault = set_field(ret, setting);
                if (fault) {
                        (void)snprintf(buffer, 256, "%.60s %s", config_setting_name(setting), fault);
                        *why = buffer;
                        return -EINVAL;
                }
        }
        *why = check(ret, before);
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

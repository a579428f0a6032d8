/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The key `servers`: a list of groups, each a server that may be asked once its user has consented.
 *
 *     servers = ( { name = "home"; url = "http://127.0.0.1:11434/v1"; model = "llama3.2"; },
 *                 { name = "openai"; url = "https://api.openai.com/v1"; model = "gpt-4o-mini"; key = "openai"; vision = true; } );
 *
 * A server whose dialect makes pictures is a provider (service/remote/). */

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/money.h"
#include "base/words.h"

#define SERVERS_MAX 32

typedef struct Server {
        char name[64]; /* [A-Za-z0-9._-]+ */
        char dialect[32]; /* net/protocol.h */
        char url[512]; /* of a program: its path */
        char model[128]; /* "": the server has one */
        char key[64]; /* the key's name; "": none is sent */
        char ca[256]; /* an absolute path; "": the system's certificates */
        char role[256]; /* an absolute path of a text; "": the usual role */
        bool vision; /* it understands pictures */
        bool stream;
        double temperature; /* negative: the server decides */
        uint32_t tokens; /* 0: the server decides */
        uint32_t seconds; /* for all of an answer */
        uint32_t tries;
        /* of one that makes pictures: */
        char workflow[256]; /* an absolute path of ComfyUI's JSON; "": none */
        char service[64]; /* in the tables of prices (service/remote/tariff.h); "": the one that has its address */
        int64_t price; /* of a picture; MONEY_UNKNOWN: that of the tables */
        Currency currency; /* of that price */
        char licence[64], terms[256]; /* of its pictures, and where it is written; "": as the tables have it */
        char quality[16], style[32], background[16], moderation[16]; /* as it calls them; "": it decides */
        Words purposes; /* for which it is chosen where a route asks for them; none: any */
        uint32_t parallel; /* jobs that it is given at a time */
} Server;

typedef struct Servers {
        size_t n;
        Server items[];
} Servers;

/* A new list in the place of *value. -EINVAL with what is wrong, which may lie in the buffer. */
int config_set_servers(Servers **value, const config_setting_t *setting, const char **why, char buffer[static 256]);

Servers *config_copy_servers(const Servers *servers);

/* Whether its address is this machine, whatever its name. */
bool server_is_here(const Server *server);

/* NULL: there is none of that name. */
const Server *config_find_server(const Servers *servers, const char *name);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The key `servers`: a list of groups, each a server that may be asked once its user has consented.
 *
 *     servers = ( { name = "home"; url = "http://127.0.0.1:11434/v1"; model = "llama3.2"; },
 *                 { name = "openai"; url = "https://api.openai.com/v1"; model = "gpt-4o-mini"; key = "openai"; vision = true; } ); */

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERS_MAX 32

typedef struct Server {
        char name[64]; /* [A-Za-z0-9._-]+ */
        char dialect[32]; /* net/protocol.h */
        char url[512];
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
} Server;

typedef struct Servers {
        size_t n;
        Server items[];
} Servers;

/* A new list in the place of *value. -EINVAL with what is wrong, which may lie in the buffer. */
int config_set_servers(Servers **value, const config_setting_t *setting, const char **why, char buffer[static 256]);

Servers *config_copy_servers(const Servers *servers);

/* NULL: there is none of that name. */
const Server *config_find_server(const Servers *servers, const char *name);

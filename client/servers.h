/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The servers of the service's configuration. */

#include <jansson.h>

#include "client/client.h"

/* An array of objects: name, and what ListServers says of it. CODE_OK, or what has been reported. */
ExitCode servers_list(Client *client, json_t **ret);

/* The same of another method that answers a(sa{sv}). */
ExitCode servers_list_of(Client *client, const char *method, json_t **ret);

/* The answer of such a method, whose texts come from elsewhere and are cleaned. A negative errno. */
int servers_read(sd_bus_message *reply, json_t **ret);

/* Their names on stdout, one a line. */
void servers_print_names(const json_t *servers);

/* The one of that name, borrowed; NULL. */
json_t *servers_find(const json_t *servers, const char *name);

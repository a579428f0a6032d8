/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The connection to the service, its calls, and its errors as sentences.
 *
 *     _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
 *     r = bus_call_manager(client, "LoadModel", &error, NULL, "s", "sprites");
 *     if (r < 0)
 *             return bus_fail(client, &error, r);
 */

#include "base/cleanup.h"
#include "client/client.h"

/* Connects as the options say: the session bus if there is one, else the system bus. A second call does
 * nothing. CODE_OK, or what has been reported. */
ExitCode bus_connect(Client *client);

/* The same for what is of use, but need not be: a negative errno, and not a word. */
int bus_try(Client *client);

/* A call of the Manager, to be sent; with --no-start it does not start the service. */
int bus_new_call(Client *client, const char *member, sd_bus_message **ret);

/* Calls the Manager and waits. types as for sd_bus_message_append(), "" for none. */
int bus_call_manager(Client *client, const char *member, sd_bus_error *error, sd_bus_message **ret,
                     const char *types, ...);

/* A call of the connection with that name; the answer goes to the callback, unless the slot is released before. */
int bus_call_async(
        Client *client, sd_bus_slot **ret_slot, const char *destination, const char *path, const char *interface,
        const char *member, sd_bus_message_handler_t callback, void *userdata, const char *types, ...);

/* All properties of the Manager or of a job: a message at an a{sv}. */
int bus_get_all(
        Client *client, const char *path, const char *interface, sd_bus_error *error, sd_bus_message **ret);

/* Reports the error of a call as a sentence with what can be done about it; returns its exit code. */
ExitCode bus_fail(Client *client, const sd_bus_error *error, int r);

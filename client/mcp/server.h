/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Model Context Protocol over two descriptors: the versions up to 2025-11-25, which begin with "initialize", and 2026-07-28,
 * in which every request tells its version. Both may be spoken at once.
 *
 *     r = server_new(event, &options, &shelf, STDIN_FILENO, STDOUT_FILENO, &server);
 *     r = sd_event_loop(event);                     // ends when the input does
 *     server_free(server);
 */

#include "client/mcp/tools.h"

#define CALLS_MAX 16 /* at work at the same time */

/* options: which bus, and whether the service may be started. 0 or a negative errno. */
int server_new(sd_event *event, const Options *options, const Shelf *shelf, int in, int out, Server **ret);

/* Jobs at work are cancelled. Returns NULL. */
Server *server_free(Server *server);

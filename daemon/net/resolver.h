/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names that a server sends to are looked up by a process outside of the worker's sandbox, which does nothing else: it is made
 * before the worker has a key, gets names, gives addresses, and ends with the worker.
 *
 *     r = resolver_start(&socket, &error);             before the sandbox
 *     r = resolver_send(socket, "cdn.example", &error);
 *     …  when there is something to read:
 *     r = resolver_receive(socket, addresses, &error) */

#include "base/error.h"

#define RESOLVER_TEXT_MAX 1024

/* *ret: its socket; whoever closes it ends the process. */
int resolver_start(int *ret, Error *error);

/* host: at most 255 bytes. */
int resolver_send(int socket, const char *host, Error *error);

/* The host's addresses as CURLOPT_RESOLVE wants them: joined by commas, those of version 6 in brackets. NET_UNREACHABLE with a
 * sentence. Blocks until there are some. */
int resolver_receive(int socket, char ret[static RESOLVER_TEXT_MAX], Error *error);

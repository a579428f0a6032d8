/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which addresses belong to anybody on the Internet, and not to this machine, its networks or no one (RFC 6890). What a server
 * sends us to must be public: else it could make us ask what only we can reach. */

#include <stdbool.h>
#include <sys/socket.h>

/* False for all but AF_INET and AF_INET6; an IPv4 address within one of version 6 is judged by itself. */
bool address_is_public(const struct sockaddr *address);

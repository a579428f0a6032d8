/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the network worker takes away from itself once it has the key, the server's addresses and the certificates, and before
 * it hears the first byte of a server:
 *
 *     resource limits   no core files, few descriptors, little memory
 *     no new privileges, and not readable by other processes of the user
 *     Landlock          no file at all, and TCP to these ports only (where the kernel knows it)
 *     seccomp           reading and writing what is open, sockets of the Internet's families, time, memory that is no code; no
 *                       files, no processes, no threads, nothing to listen on; any other call kills the worker, and only it
 *
 * Under AddressSanitizer the seccomp filter is left out. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* ports: to which TCP may connect; 0 is none. */
int net_sandbox_enter(const uint16_t *ports, size_t n, Error *error);

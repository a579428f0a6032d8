/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture made small, and anew, by a process of the engine that has no model and can read nothing else: the client reads
 * no pictures of others itself. */

#include "client/client.h"

#define SHRINK_SIDE 768 /* pixels of the longer side */

/* A sealed memfd with a JPEG. CODE_OK, or what has been reported. */
ExitCode shrink_file(Client *client, const char *path, int *ret_fd);

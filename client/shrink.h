/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture made small, and anew, by a process of the engine that has no model and can read nothing else: the client reads
 * no pictures of others itself. */

#include "client/client.h"

#define SHRINK_SIDE 768 /* pixels of the longer side */

/* A sealed memfd with a JPEG of the picture in an open file, whose longer side has at most so many pixels. In any thread. 0, -EBADMSG
 * if it is no picture that can be read, or what starting the process gave. */
int shrink_picture(int input, unsigned side, int *ret_fd);

/* Likewise, with a PNG, which loses nothing. */
int shrink_to_png(int input, unsigned side, int *ret_fd);

/* A JPEG of a file. CODE_OK, or what has been reported. */
ExitCode shrink_file(Client *client, const char *path, int *ret_fd);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where pictures go that were asked for without a terminal: "Imagine" in the user's folder of pictures. */

#include "client/client.h"

/* Its path, without a slash at its end; it need not be there. 0 or a negative errno. */
int folder_path(char **ret);

/* The same, made if it is not there; *ret is set in either case. */
int folder_prepare(char **ret);

/* Likewise. CODE_OK, or what was reported. */
ExitCode folder_make(Client *client, char **ret);

/* The newest picture in it. CODE_OK, or what was reported: CODE_NOT_FOUND if there is none. */
ExitCode folder_find_last(Client *client, char **ret);

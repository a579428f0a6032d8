/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* Makes the pictures that client->options ask for and writes them, with names that begin with these words where the options
 * do not name a file. Says all that is to be said; client->result is the job. */
ExitCode generate_pictures(Client *client, const char *words);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bus.h"

/* Makes the pictures that client->options ask for and writes them, with names that begin with these words where the options
 * do not name a file. Says all that is to be said; client->result is the job. */
ExitCode generate_pictures(Client *client, const char *words);

/* The Generate call that client->options ask for, with the pictures that they name; the client has to be connected.
 * CODE_OK, or what was reported. */
ExitCode generate_new_call(Client *client, sd_bus_message **ret);

/* The Import call for a picture in a sealed memfd, drawn of options.prompt_text by options.provider; likewise. */
ExitCode generate_new_import(Client *client, int picture, sd_bus_message **ret);

/* The pictures to start from, sealed memfds; -1: none. inputs_done() closes them. */
typedef struct Inputs {
        int from, mask;
} Inputs;

void inputs_done(Inputs *inputs);

/* The same call with these pictures, whatever the options name. */
ExitCode generate_new_call_with(Client *client, const Inputs *inputs, sd_bus_message **ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of the prompt generator as the user sees them: his own in ~/.config/imagined/prompts, then the machine's, then
 * those that came with the program; $IMAGINED_PROMPTS (directories with colons between) in their place. */

#include "client/client.h"
#include "prompts/enhance.h"

/* Lists the presets of a kind, or shows the one that the words name: its file, ready to be shared. Faults are told, with file
 * and line; then the code is CODE_FAILED. */
ExitCode presets_show(Client *client, PresetKind kind);

/* Reads vocabulary and presets, with the words of the model that the options name or the default one. A model without
 * words is taken to understand everything. */
ExitCode presets_open(Client *client, Generator *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Full prompts of an idea: one Enhance call, as the options say. */

#include <jansson.h>

#include "client/client.h"

/* Follows the job of an Enhance call to its end and forgets it. *ret as for enhance_idea(). */
ExitCode enhance_run(Client *client, sd_bus_message *call, json_t **ret);

/* The idea that --earlier names takes the place of the options' one; lineage is what came before it, or NULL. *ret: an array
 * of objects as GetResult gives them, the caller's. CODE_OK, or what was reported. */
ExitCode enhance_idea(Client *client, const char *idea, const json_t *lineage, uint32_t count, json_t **ret);

/* Of --enhance: what is to be drawn (of --dry-run: what would be sent) takes the place of client->options.prompt, and what the options leave open is taken from
 * profile and purpose. *ret: the result, the caller's, which has to outlive the options. */
ExitCode enhance_options(Client *client, json_t **ret);

/* Sentences about a prompt, on stderr. */
void enhance_say_notes(const Client *client, const json_t *result);

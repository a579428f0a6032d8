/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Enhance call, and what its job gives. */

#include <jansson.h>

#include "client/bus.h"

/* The call for an idea, as the client's options ask for it; the client has to be connected. lineage is what came before the
 * idea, or NULL. 0 or a negative errno. */
int enhance_new_call(Client *client, const char *idea, const json_t *lineage, uint32_t count, sd_bus_message **ret);

/* The answer to GetResult of such a job; *ret: an object with at least "prompt", the caller's. 0 or a negative errno. */
int enhance_read_result(sd_bus_message *message, json_t **ret);

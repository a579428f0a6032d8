/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The installed models as ListModels tells of them. */

#include "client/bus.h"

/* An array of objects {"name": …, "resident": …, "default": …, …}. CODE_OK, or what has been reported. */
ExitCode models_list(Client *client, json_t **ret);

/* The same from the answer to ListModels. 0 or a negative errno. */
int models_read(sd_bus_message *reply, json_t **ret);

/* The one that a request would get: that of the name, or, if it is NULL, the resident one, else the default;
 * NULL if there is none. Belongs to the array. */
json_t *models_pick(json_t *models, const char *name);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options out of JSON, with the same limits and sentences as on the command line. */

#include <jansson.h>

#include "client/options.h"

/* Sets the option to a string, a number or a boolean; what points into the value lives as long as that. -EINVAL with a
 * sentence that begins with that name of it. */
int option_from_json(Options *options, OptionId id, json_t *value, const char *name, Error *error);

/* Likewise, for one side in pixels: 0 to REQUEST_SIZE_MAX. */
int side_from_json(uint32_t *side, json_t *value, const char *name, Error *error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The value of a key in a Config: read from a file's setting, copied and freed by its type. */

#include <libconfig.h>

#include "config.h"

/* In place of the one before. -EINVAL: *why says what is wrong with it, in `buffer` or for ever; -ENOMEM. */
int config_value_set(
                Config *config, const ConfigKey *key, const config_setting_t *setting, const char **why, char buffer[static 256]);

/* Over what is not freed. 0 or -ENOMEM. */
int config_value_copy(Config *copy, const Config *config, const ConfigKey *key);

void config_value_free(Config *config, const ConfigKey *key);

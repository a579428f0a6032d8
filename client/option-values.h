/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How each option's value is read, and where it goes: by the table in options.h. */

#include "client/options.h"

/* value: NULL for a flag. -EINVAL with a sentence that does not name the option; then nothing has changed. */
int option_read(Options *o, OptionId id, const char *value, Error *error);

/* Whether the value is one number, which is read and not pointed at. */
bool option_is_number(OptionId id);

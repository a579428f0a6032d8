/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Thunar keeps all custom actions, the user's own too, in one file (uca.xml). Ours are put before its end, and taken out
 * again by their unique ids, wherever Thunar has moved them in the meantime; every other byte stays. */

#include <stdbool.h>

#include "base/error.h"

/* The file's text with our actions (the text of a fragment) in it; what was there of ours before is replaced. *ret is to be
 * freed. -EBADMSG with a sentence if the text does not end with </actions>. */
int thunar_merge(const char *text, const char *fragment, char **ret, Error *error);

/* Whether some are in it. */
bool thunar_has(const char *text);

/* Without them. *ret is to be freed; -ENOMEM. */
int thunar_remove(const char *text, char **ret);

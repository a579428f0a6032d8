/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* {{NAME}} and {{NAME|DEFAULT}} in a text. */

#include <stdbool.h>

#define PLACEHOLDER_MAX 32 /* bytes of a name, with the 0 at its end */

/* The first placeholder of the text: its name, its default (NULL: none) and the }} at its end; NULL: there is none. */
const char *placeholders_find(const char *text, char name[static PLACEHOLDER_MAX], const char **ret_default, const char **ret_end);

bool placeholders_have(const char *text, const char *name);

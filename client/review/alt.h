/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An alternative text to begin with. */

#include <jansson.h>

/* Of what the record says that the picture was to show: the fields of its prompt, where it was enhanced, else the prompt. Somebody
 * has to look whether it does. To be freed; NULL: nothing is known. */
char *alt_suggest(const json_t *record);

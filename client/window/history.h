/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The prompts that were typed, in a file that only the user can read, newest first:
 * $XDG_STATE_HOME/imagine/prompts, one a line. Without a file that can be written they last as long as the window. */

#include <glib.h>

#define HISTORY_MAX 100

typedef struct History History;

History *history_new(void);
void history_free(History *history);

guint history_length(const History *history);
const char *history_get(const History *history, guint i); /* 0 is the newest */

/* Puts it first; it stands there once. */
void history_add(History *history, const char *prompt);

/* Forgets all, and the file. */
void history_clear(History *history);

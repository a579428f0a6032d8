/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of the user that outlive the service: $XDG_STATE_HOME/NAME (~/.local/state). */

#include <stdbool.h>

/* The path; make: with its folder, which only the user may read where it is new. NULL: there is no home. */
char *state_file(const char *name, bool make);

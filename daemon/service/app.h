/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which app a process belongs to, as the system says it and not the process: Flatpak's name for what runs in its sandbox,
 * else that of the unit into which the desktop's session put it (app-….scope, app-….service). */

#include <sys/types.h>

#include "queue/users.h"

/* "" if neither knows it. */
void app_of_process(pid_t pid, char ret[static APP_NAME_MAX + 1]);
